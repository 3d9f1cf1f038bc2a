//! The examples as programs against a real API server, set up by the manifests as they are shipped.
//!
//! The servers come from the folder that `KUBEBUILDER_ASSETS` names (`.ci/kube/build` makes it); without it every test
//! says that it was skipped. The rig is that of k8s-watch; it plays the kubelet, all controllers are real.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "what the rig unwraps is what the test is about")]

#[path = "../controller_cli/get.rs"]
mod get;
#[path = "../controller_cli/program.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod program;
#[path = "../../../k8s-watch/tests/control_plane/rig/mod.rs"]
#[expect(dead_code, unused_imports, reason = "other tests need more of it")]
mod rig;

mod clb_sim;
mod embedding;
mod manifests;
mod rollout;
mod shipped;
