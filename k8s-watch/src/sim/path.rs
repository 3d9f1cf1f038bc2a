//! What a request path names.

use super::kind::{self, Kind};

/// A kind, and within it a collection, an object or a subresource.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) kind: &'static Kind,
    /// Empty for kinds of the cluster, and for a collection over all namespaces.
    pub(crate) namespace: String,
    /// Empty for a collection.
    pub(crate) name: String,
    /// Empty for the object itself.
    pub(crate) subresource: String,
}

impl Path {
    /// Reads `/api/v1/...` and `/apis/GROUP/VERSION/...`.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let segments: Vec<_> = path.trim_matches('/').split('/').collect();
        let (group, version, rest) = match segments.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            // A Namespace itself, and its subresources.
            ["namespaces"] | ["namespaces", _] | ["namespaces", _, "status"] => ("", rest),
            ["namespaces", namespace, rest @ ..] => (*namespace, rest),
            rest => ("", rest),
        };
        let (resource, name, subresource) = match rest {
            [resource] => (*resource, "", ""),
            [resource, name] => (*resource, *name, ""),
            [resource, name, subresource] => (*resource, *name, *subresource),
            _ => return None,
        };
        let kind = kind::by_path(group, version, resource)?;
        let misplaced =
            if kind.namespaced { namespace.is_empty() && !name.is_empty() } else { !namespace.is_empty() };
        if misplaced {
            return None;
        }
        let owned = str::to_owned;
        Some(Self { kind, namespace: owned(namespace), name: owned(name), subresource: owned(subresource) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rustfmt::skip]
    #[test]
    fn paths_name_collections_objects_and_subresources() {
        for (path, expected) in [
            ("/api/v1/pods",                                             Some(("pods", "", "", ""))),
            ("/api/v1/namespaces/shop/pods",                             Some(("pods", "shop", "", ""))),
            ("/api/v1/namespaces/shop/pods/web-1/status",                Some(("pods", "shop", "web-1", "status"))),
            ("/api/v1/namespaces/shop",                                  Some(("namespaces", "", "shop", ""))),
            ("/api/v1/namespaces/shop/status",                           Some(("namespaces", "", "shop", "status"))),
            ("/apis/coordination.k8s.io/v1/namespaces/shop/leases/grace", Some(("leases", "shop", "grace", ""))),
            ("/api/v1/pods/web-1",                                       None),
            ("/api/v1/namespaces/shop/nodes",                            None),
            ("/apis/apps/v1beta1/deployments",                           None),
            ("/metrics",                                                 None),
        ] {
            let read = Path::parse(path);
            let read = read.as_ref().map(|p| (p.kind.resource, p.namespace.as_str(), p.name.as_str(), p.subresource.as_str()));
            assert_eq!(read, expected, "{path}");
        }
    }
}
