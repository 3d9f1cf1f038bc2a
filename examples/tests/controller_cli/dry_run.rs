//! A dry run writes nothing anywhere and says what it would do.

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_prints_each_change_with_its_cause_and_writes_nothing() {
    let world = World::new().await;
    world.web(2);
    let program = world.start(&["--dry-run"], &[]);
    program.printed(&["2 changes"]).await;
    let pod = world.pods()[0];
    program
        .printed(&["register", &pod.to_string(), "lb-1", "with weight 10", "Pod default/web-", "is ready"])
        .await;

    // A Pod that terminates and was never registered needs nothing, its successor does.
    let name = world.first_pod();
    world.cluster.delete("pods", "default", &name, None).unwrap();
    program.printed(&["register 10.1.0.3:8080", "is ready"]).await;
    assert_eq!(world.writes(), [""; 0]);
    let written: Vec<_> = world
        .cluster
        .requests()
        .into_iter()
        .filter(|request| !["get", "list", "watch"].contains(&request.verb.as_str()))
        .collect();
    assert_eq!(written, []);
    assert_eq!(program.terminate().await.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_controller_registered_before_would_be_drained() {
    let world = World::new().await;
    world.web(2);
    let controller = world.start(&[], &[]);
    world.settled(2, &controller).await;
    assert_eq!(controller.terminate().await.status.code(), Some(0));
    let writes = world.writes();

    let dry = world.start(&["--log-format", "json"], &[("GRACE_DRY_RUN", "true")]);
    dry.logged(&["\"message\":\"started\"", "\"dry_run\":true"]).await;
    let name = world.first_pod();
    world.cluster.delete("pods", "default", &name, None).unwrap();
    let line = dry.printed(&["Terminating", "Weight", &name]).await;
    let plan: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(plan["plan"].as_array().is_some_and(|changes| !changes.is_empty()), "{plan}");
    assert_eq!(world.writes(), writes);
}
