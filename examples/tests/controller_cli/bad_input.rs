//! Configuration that cannot work: status 2 and one line that says what to do, before anything is sent.

use crate::world::{BEARER, KEY, TOKEN, World, kubeconfig};

/// Flags, changes to a good environment, and words of the line.
type Row<'a> = (&'a [&'a str], &'a [(&'static str, &'a str)], &'a [&'a str]);

#[tokio::test(flavor = "multi_thread")]
async fn bad_configuration_ends_with_status_2_and_one_line_before_anything_is_sent() {
    let world = World::new().await;
    let contextless = kubeconfig("http://127.0.0.1:9")
        .replace(r#""current-context":"test""#, r#""current-context":"prod""#);
    let contextless = world.write("wrong-context", &contextless);
    let broken = world.write("broken", &format!("users: [{{name: a, user: {{token: {BEARER}}}\n"));
    let user = format!("https://me:{KEY}@clb.example");
    let line_break = format!("{KEY}\n");
    let blank = format!("{TOKEN} ");
    let long = "a".repeat(64);

    #[rustfmt::skip]
    let rows: &[Row<'_>] = &[
        (&["--regoin", "ap-guangzhou"],                    &[], &["--regoin", "--region"]),
        (&["ap-guangzhou"],                                &[], &["ap-guangzhou", "--help"]),
        (&["--region", "ap-guangzhou", "--region", "ap-x"], &[], &["--region", "multiple times"]),
        (&["--dry-run", "--dry-run"],                      &[], &["--dry-run", "multiple times"]),
        (&["--region"],                                    &[], &["--region", "value"]),
        (&["--region", "ap-x.evil.example/"],              &[], &["--region", "ap-guangzhou"]),
        (&["--region", "ap-x\nforged"],                    &[], &["--region", "ap-guangzhou"]),
        (&[],                                              &[("TENCENTCLOUD_REGION", "")], &["--region"]),
        (&[],                                              &[("TENCENTCLOUD_REGION", "AP GZ")], &["--region"]),
        (&["--clb-endpoint", "http://10.0.0.7:9080"],      &[], &["--clb-endpoint", "loopback", "https://"]),
        (&["--clb-endpoint", "clb.tencentcloudapi.com"],   &[], &["--clb-endpoint", "https://"]),
        (&["--clb-endpoint", &user],                       &[], &["--clb-endpoint", "user"]),
        (&["--namespace", "Shop"],                         &[], &["--namespace", "`Shop`"]),
        (&["--namespace", "a", "--namespace", &long],      &[], &["--namespace", "63"]),
        (&["--load-balancer", "10.0.0.7"],                 &[], &["--load-balancer", "lb-"]),
        (&["--load-balancer", "lb-1/x"],                   &[], &["--load-balancer", "lb-1/x"]),
        (&["--cluster-id", "cls 1"],                       &[], &["--cluster-id"]),
        (&["--ownership", "mine"],                         &[], &["--ownership", "ledger, exclusive, weights-only"]),
        (&["--resync", "60"],                              &[], &["--resync", "10s"]),
        (&["--resync", "0s"],                              &[], &["--resync", "1s at least"]),
        (&["--config-drain=-1s"],                          &[], &["--config-drain", "10s"]),
        (&[],                                              &[("GRACE_CONFIG_DRAIN", "1h")], &["--config-drain", "10s"]),
        (&["--min-drain", "soon"],                         &[], &["--min-drain", "10s"]),
        (&["--not-ready-floor", "0"],                      &[], &["--not-ready-floor", "100%"]),
        (&["--not-ready-floor", "101%"],                   &[], &["--not-ready-floor", "100%"]),
        (&["--http", "8080"],                              &[], &["--http", "0.0.0.0:8080"]),
        (&["--http", "192.0.2.1:1"],                       &[], &["--http", "192.0.2.1:1"]),
        (&["--state-namespace", "kube_system"],            &[], &["--state-namespace"]),
        (&["--log-format", "xml"],                         &[], &["--log-format", "json"]),
        (&["--leader-elect"],                              &[], &["--leader-elect", "--help"]),
        (&[],                                              &[("GRACE_DRY_RUN", "perhaps")], &["--dry-run", "perhaps"]),
        (&[],                                              &[("RUST_LOG", "k8s_watch=loud")], &["RUST_LOG", "info"]),
        (&[],                                              &[("TENCENTCLOUD_SECRET_KEY", &line_break)], &["TENCENTCLOUD_SECRET_KEY", "line break"]),
        (&[],                                              &[("TENCENTCLOUD_SECRET_KEY", "")], &["TENCENTCLOUD_SECRET_KEY", "empty"]),
        (&[],                                              &[("TENCENTCLOUD_TOKEN", &blank)], &["TENCENTCLOUD_TOKEN", "white space"]),
        (&[],                                              &[("TENCENTCLOUD_SECRET_ID", " id")], &["TENCENTCLOUD_SECRET_ID", "white space"]),
        (&[],                                              &[("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")], &["certificates", "ca-certificates"]),
        (&[],                                              &[("KUBECONFIG", "/nowhere/config")], &["/nowhere/config", "KUBECONFIG"]),
        (&[],                                              &[("KUBECONFIG", &contextless)], &["`prod`", "get-contexts"]),
        (&[],                                              &[("KUBECONFIG", &broken)], &["KUBECONFIG", "line"]),
        (&[],                                              &[("KUBECONFIG", "")], &["kubeconfig"]),
    ];
    for (flags, changes, words) in rows {
        let ended = world.start(flags, changes).end().await;
        let row = format!("{flags:?} {changes:?}\n{}", ended.stderr.join("\n"));
        assert_eq!(ended.status.code(), Some(2), "{row}");
        assert_eq!((ended.stderr.len(), ended.stdout.len()), (1, 0), "{row}");
        let line = &ended.stderr[0];
        assert!(words.iter().all(|word| line.contains(word)), "{words:?} in {row}");
        assert!(
            line.len() < 600 && ![KEY, TOKEN, BEARER].iter().any(|secret| line.contains(secret)),
            "{row}"
        );
    }
    assert_eq!(world.cluster.requests(), []);
    assert_eq!(world.clb.simulator().with(|account| account.calls().len()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_region_is_asked_for_when_nobody_says_it() {
    let ended = crate::program::Program::start(&[], &[]).end().await;
    assert_eq!(ended.status.code(), Some(2));
    assert_eq!(ended.stderr.len(), 1);
    assert!(
        ended.stderr[0].contains("--region") && ended.stderr[0].contains("TENCENTCLOUD_REGION"),
        "{:?}",
        ended.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn help_and_version_are_answers_and_no_errors() {
    for flag in ["--help", "--version"] {
        let ended = crate::program::Program::start(&[flag], &[]).end().await;
        assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0), "{flag}");
        assert!(!ended.stdout.is_empty());
    }
}
