//! The manifests as a cluster would read them: parsed, and checked for what the controller needs and nothing more.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "what is unwrapped is what the test is about")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Service, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding};
use serde::de::DeserializeOwned;
use serde_json::Value;

#[test]
fn every_file_is_listed_by_its_kustomization_and_says_what_it_is() {
    for folder in ["base", "workload"] {
        let listed: BTreeSet<String> = documents(&format!("{folder}/kustomization.yaml"))[0]["resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| file.as_str().unwrap().to_owned())
            .collect();
        let there: BTreeSet<String> = std::fs::read_dir(manifests().join(folder))
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|file| file != "kustomization.yaml")
            .collect();
        assert_eq!(listed, there, "{folder}");
        for object in there.iter().flat_map(|file| documents(&format!("{folder}/{file}"))) {
            assert!(object["apiVersion"].is_string() && object["metadata"]["name"].is_string(), "{object}");
        }
    }
}

#[test]
fn x8_the_roles_grant_what_the_controller_asks_for_and_nothing_more() {
    let [role, binding] = &documents("base/cluster-role.yaml")[..] else { panic!("a role and its binding") };
    let (role, binding): (ClusterRole, ClusterRoleBinding) = (typed(role), typed(binding));
    #[rustfmt::skip]
    let wanted = [
        "/pods list", "/pods watch", "/services list", "/services watch",
        "discovery.k8s.io/endpointslices list", "discovery.k8s.io/endpointslices watch",
        "events.k8s.io/events create", "events.k8s.io/events patch",
    ];
    assert_eq!(rights(role.rules.unwrap()), wanted.map(str::to_owned).into());
    assert_eq!(Some(binding.role_ref.name), role.metadata.name);

    let [role, state_binding] = &documents("base/role.yaml")[..] else { panic!("a role and its binding") };
    let (role, state_binding): (Role, RoleBinding) = (typed(role), typed(state_binding));
    let wanted = ["/configmaps create", "/configmaps get", "/configmaps patch"];
    assert_eq!(rights(role.rules.unwrap()), wanted.map(str::to_owned).into());
    assert_eq!(Some(state_binding.role_ref.name), role.metadata.name);

    let account: ServiceAccount = typed(&documents("base/service-account.yaml")[0]);
    let namespace: Namespace = typed(&documents("base/namespace.yaml")[0]);
    for subject in [&binding.subjects.unwrap()[0], &state_binding.subjects.unwrap()[0]] {
        assert_eq!(
            (Some(&subject.name), &subject.namespace),
            (account.metadata.name.as_ref(), &namespace.metadata.name)
        );
    }
    // Claims live in the Pod's own namespace, where the role is.
    assert_eq!(role.metadata.namespace, namespace.metadata.name);
}

#[test]
fn the_controller_runs_without_privileges_and_alone() {
    let deployment: Deployment = typed(&documents("base/deployment.yaml")[0]);
    let spec = deployment.spec;
    assert_eq!((spec.replicas, spec.strategy.unwrap().type_.as_deref()), (Some(1), Some("Recreate")));
    let pod = spec.template.spec.unwrap();
    let security = pod.security_context.unwrap();
    assert_eq!(security.run_as_non_root, Some(true));
    assert_eq!(security.seccomp_profile.unwrap().type_, "RuntimeDefault");
    // SIGTERM ends it within 5 s.
    assert!(pod.termination_grace_period_seconds.unwrap() > 5);
    let container = &pod.containers[0];
    let security = container.security_context.as_ref().unwrap();
    assert_eq!(
        (security.read_only_root_filesystem, security.allow_privilege_escalation),
        (Some(true), Some(false))
    );
    assert_eq!(security.capabilities.as_ref().unwrap().drop.as_deref(), Some(&["ALL".to_owned()][..]));
    assert!(container.resources.as_ref().unwrap().requests.is_some());
    let path = |probe: &Option<k8s_openapi::api::core::v1::Probe>| {
        probe.as_ref().unwrap().http_get.as_ref().unwrap().path.clone().unwrap()
    };
    assert_eq!(
        (path(&container.liveness_probe), path(&container.readiness_probe)),
        ("/healthz".into(), "/readyz".into())
    );
}

#[test]
fn the_workload_has_both_switches_and_time_to_drain() {
    let service: Service = typed(&documents("workload/service.yaml")[0]);
    let annotations = service.metadata.annotations.unwrap();
    for switch in ["direct-access", "enable-grace-shutdown", "enable-grace-shutdown-tkex"] {
        assert_eq!(annotations[&format!("service.cloud.tencent.com/{switch}")], "true");
    }
    let deployment: Deployment = typed(&documents("workload/deployment.yaml")[0]);
    let template = deployment.spec.template;
    assert_eq!(service.spec.unwrap().selector, template.metadata.unwrap().labels);
    let pod = template.spec.unwrap();
    assert_eq!(pod.termination_grace_period_seconds, Some(60));
    let hooks: Vec<_> =
        pod.containers.iter().filter_map(|c| c.lifecycle.as_ref()?.pre_stop.as_ref()).collect();
    let sleep = hooks.iter().find_map(|hook| hook.sleep.as_ref()).unwrap();
    assert!(Duration::from_secs(sleep.seconds.try_into().unwrap()) >= Duration::from_secs(5));
    assert!(hooks.iter().any(|hook| hook.exec.is_some()), "and one container waits by a script");
}

#[test]
fn the_resource_of_the_embedding_operator_fits_its_definition() {
    let [definition, shop] = &documents("shop.yaml")[..] else { panic!("a definition and an object of it") };
    let version = &definition["spec"]["versions"][0];
    let group_version =
        format!("{}/{}", definition["spec"]["group"].as_str().unwrap(), version["name"].as_str().unwrap());
    assert_eq!(shop["apiVersion"], group_version);
    let required = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["required"].as_array().unwrap();
    assert!(required.iter().all(|field| !shop["spec"][field.as_str().unwrap()].is_null()), "{shop}");
}

fn manifests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/manifests")
}

/// The documents of a file.
fn documents(file: &str) -> Vec<Value> {
    let path = manifests().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    serde_saphyr::from_multiple(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// An object as the type that the API server decodes it into; a field that this type does not have fails.
fn typed<T: DeserializeOwned + serde::Serialize>(object: &Value) -> T {
    let read: T = serde_json::from_value(object.clone()).unwrap_or_else(|why| panic!("{why}: {object}"));
    assert_eq!(&serde_json::to_value(&read).unwrap(), object, "a field is unknown");
    read
}

/// `group/resource verb`, each once.
fn rights(rules: Vec<PolicyRule>) -> BTreeSet<String> {
    let mut rights = BTreeSet::new();
    for rule in rules {
        for group in rule.api_groups.as_ref().unwrap() {
            for resource in rule.resources.as_ref().unwrap() {
                rights.extend(rule.verbs.iter().map(|verb| format!("{group}/{resource} {verb}")));
            }
        }
    }
    rights
}
