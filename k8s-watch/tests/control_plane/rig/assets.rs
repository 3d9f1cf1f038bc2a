//! Where the server binaries are.

use std::io::Write;
use std::path::PathBuf;

/// The folder with etcd, kube-apiserver and kube-controller-manager, as `KUBEBUILDER_ASSETS` names it.
/// `None` where the variable is not set: said on stderr, past the capture of the test runner, since a skipped test
/// counts as passed and somebody has to notice.
pub(crate) fn folder() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()) else {
        let mut stderr = std::io::stderr();
        let _ = writeln!(stderr, "control plane tests skipped: KUBEBUILDER_ASSETS is not set");
        return None;
    };
    let folder = PathBuf::from(folder);
    for binary in ["etcd", "kube-apiserver", "kube-controller-manager"] {
        let path = folder.join(binary);
        assert!(path.is_file(), "KUBEBUILDER_ASSETS lacks {}: run .ci/kube/build", path.display());
    }
    Some(folder)
}
