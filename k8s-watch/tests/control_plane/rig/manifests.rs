//! The manifests that are shipped, as an administrator applies them.

use std::path::Path;

use super::clb::LOAD_BALANCER;
use super::{Namespace, Requests};

/// The namespace that they are made for.
pub(crate) const NAMESPACE: &str = "grace-system";

/// Applies namespace, ServiceAccount and roles; the Deployment needs a cluster that runs images.
pub(crate) async fn install(admin: &Requests) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/examples/manifests/base");
    for file in ["namespace.yaml", "service-account.yaml", "cluster-role.yaml", "role.yaml"] {
        let path = folder.join(file);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for document in text.split("\n---\n") {
            admin.create_yaml(&collection(document), document).await.ok();
        }
    }
}

/// Applies the workload, its Service with the name of our load balancer in place of the one that is written there.
pub(crate) async fn apply_workload(namespace: &Namespace) {
    let service = read("workload", "service.yaml");
    let named =
        service.lines().find_map(|line| line.trim().strip_prefix("service.kubernetes.io/loadbalance-id: "));
    let service = service.replace(named.unwrap(), LOAD_BALANCER);
    namespace.admin.create_yaml(&namespace.path("services"), &service).await.ok();
    let path = namespace.group_path("apps/v1", "deployments");
    namespace.admin.create_yaml(&path, &read("workload", "deployment.yaml")).await.ok();
}

fn read(folder: &str, file: &str) -> String {
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/examples/manifests");
    let path = manifests.join(folder).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The path under which objects of a document's kind are created.
fn collection(document: &str) -> String {
    let kind = document.lines().find_map(|line| line.strip_prefix("kind: ")).unwrap();
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    match kind {
        "Namespace" => "/api/v1/namespaces".to_owned(),
        "ServiceAccount" => format!("/api/v1/namespaces/{NAMESPACE}/serviceaccounts"),
        "ClusterRole" => format!("{rbac}/clusterroles"),
        "ClusterRoleBinding" => format!("{rbac}/clusterrolebindings"),
        "Role" => format!("{rbac}/namespaces/{NAMESPACE}/roles"),
        "RoleBinding" => format!("{rbac}/namespaces/{NAMESPACE}/rolebindings"),
        _ => panic!("a kind that nobody expects among the roles: {kind}"),
    }
}
