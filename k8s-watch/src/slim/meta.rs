//! The wanted part of `metadata`, the same for every kind.

use std::collections::BTreeMap;

use grace_core::Time;
use serde::de::{IgnoredAny, MapAccess};

use super::field::{Decode, Field, Key, join, object};

object! {
    /// Who the object is, and what it says about itself in annotations.
    struct Meta {
        /// Namespace.
        "namespace" => namespace: Box<str>,
        /// Name.
        "name" => name: Box<str>,
        /// Identity.
        "uid" => uid: Box<str>,
        /// State of the object.
        "resourceVersion" => resource_version: Box<str>,
        /// When it was created.
        "creationTimestamp" => created: Time,
        /// When a terminating Pod is killed; its presence alone says that it terminates.
        "deletionTimestamp" => deletion: Time,
        /// Grace period that the deletion was asked for with, in seconds; 0 when nothing runs any more.
        "deletionGracePeriodSeconds" => deletion_grace: i64,
        /// Annotations that can bear on a load balancer.
        "annotations" => annotations: Annotations,
        /// Labels that say what an EndpointSlice belongs to.
        "labels" => labels: Labels,
        /// Owners.
        "ownerReferences" => owners: Vec<Owner>,
    }
}

object! {
    /// The labels of an EndpointSlice that matter.
    struct Labels {
        /// The Service that the slice belongs to.
        "kubernetes.io/service-name" => service: Box<str>,
        /// Who writes the slice.
        "endpointslice.kubernetes.io/managed-by" => managed_by: Box<str>,
    }
}

object! {
    /// An owner of the object.
    struct Owner {
        /// Its kind.
        "kind" => kind: Box<str>,
        /// Its name.
        "name" => name: Box<str>,
    }
}

/// Annotations whose key has one of [`PREFIXES`]; all others are skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Annotations(pub(crate) BTreeMap<Box<str>, Box<str>>);

impl Decode for Annotations {
    fn object<'de, A: MapAccess<'de>>(mut entries: A) -> Result<Field<Self>, A::Error> {
        let (mut all, mut wrong) = (BTreeMap::new(), None);
        while let Some(key) = entries.next_key::<Key<'de>>()? {
            if !PREFIXES.iter().any(|prefix| key.0.starts_with(prefix)) {
                entries.next_value::<IgnoredAny>()?;
                continue;
            }
            let field = entries.next_value::<Field<Box<str>>>()?;
            wrong = wrong.or_else(|| field.wrong.map(|inner| join(&format!("[{}]", key.0), &inner)));
            all.extend(field.value.map(|value| (Box::from(key.0), value)));
        }
        Ok(Field { value: Some(Self(all)), wrong })
    }
}

/// Prefixes of the annotations of TKE on Services, Ingresses and Pods.
pub(crate) const PREFIXES: [&str; 3] =
    ["service.cloud.tencent.com/", "ingress.cloud.tencent.com/", "service.kubernetes.io/"];
