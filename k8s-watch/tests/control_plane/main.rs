//! The library against a real Kubernetes API server.
//!
//! etcd, kube-apiserver and kube-controller-manager come from the folder that `KUBEBUILDER_ASSETS` names
//! (`.ci/kube/build` makes it); without it every test says that it was skipped. The tests share one control plane and
//! have a namespace each; those that stop, freeze or misconfigure a server have one of their own. They play the
//! kubelet; Deployments, StatefulSets, EndpointSlices, disruption budgets and namespaces have the real controllers.
#![expect(clippy::unwrap_used, reason = "what the rig unwraps is what the test is about")]

mod pair;
mod rig;
mod script;

mod differential;
mod facts;
mod slices;
mod watching;

mod claims;
mod outages;
mod permissions;
mod pods;
mod readiness;
mod restarts;
mod services;
mod workloads;
