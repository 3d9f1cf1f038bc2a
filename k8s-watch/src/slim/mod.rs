//! Pods, EndpointSlices and Services with only the fields that are wanted. Decoding them cannot fail.
//!
//! With the full types one object with a wrong field stops an initial list for ever, and with it the controller. Here
//! such an object arrives as [`Undecodable`], by name, and everything else goes on. Fields that nobody asks for are
//! skipped without being built, so a Pod of 20 kB costs a few hundred bytes.

mod endpoint_slice;
mod field;
mod meta;
mod pod;
mod service;
#[cfg(test)]
mod spec;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use grace_core::{ObjectName, Source, Uid};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::de::{Deserialize, Deserializer};

pub(crate) use endpoint_slice::{Endpoint, EndpointSlice};
pub(crate) use field::Decode;
pub(crate) use meta::{Annotations, Meta, PREFIXES};
pub(crate) use pod::{Pod, PreStopHook};
pub(crate) use service::Service;

/// An object of some kind with its wanted fields, or the path of the one that has the wrong shape.
pub(crate) struct Slim<K> {
    meta: ObjectMeta,
    body: K,
    wrong: Option<String>,
}

impl<K: Kind> Slim<K> {
    /// The wanted fields; `None` when one of them has the wrong shape, or when the object has no identity.
    pub(crate) fn sound(&self) -> Option<(Uid, ObjectName, &K)> {
        let uid = self.meta.uid.as_deref().filter(|uid| !uid.is_empty())?;
        let wrong = self.wrong.is_some() || self.name().name.is_empty();
        (!wrong).then(|| (Uid::of(uid), self.name(), &self.body))
    }

    /// Namespace and name, as far as they are there.
    pub(crate) fn name(&self) -> ObjectName {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        ObjectName::new(text(&self.meta.namespace), text(&self.meta.name))
    }

    /// Identity, if the object tells it.
    pub(crate) fn uid(&self) -> Option<Uid> {
        self.meta.uid.as_deref().filter(|uid| !uid.is_empty()).map(Uid::of)
    }

    /// The state of the object, if it tells it.
    pub(crate) fn resource_version(&self) -> Option<&str> {
        self.meta.resource_version.as_deref().filter(|version| !version.is_empty())
    }

    /// What is to be told of an object that is not [`sound`](Self::sound).
    pub(crate) fn undecodable(&self, source: Source) -> Undecodable {
        let field = match &self.wrong {
            Some(path) if path.is_empty() => "(the object itself)".to_owned(),
            Some(path) => path.clone(),
            None if self.meta.uid.as_deref().unwrap_or_default().is_empty() => "metadata.uid".to_owned(),
            None => "metadata.name".to_owned(),
        };
        Undecodable {
            source,
            namespace: self.name().namespace,
            name: self.name().name,
            uid: self.uid(),
            field,
        }
    }
}

/// An object that has a field of the wrong shape. What was known of it before stays in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undecodable {
    /// Where it was seen.
    pub(crate) source: Source,
    /// Its namespace, empty when not even that can be read.
    pub(crate) namespace: Box<str>,
    /// Its name, empty when not even that can be read.
    pub(crate) name: Box<str>,
    /// Its identity, if that can be read.
    pub(crate) uid: Option<Uid>,
    /// Path of the field, as in `spec.containers[0].lifecycle`.
    pub(crate) field: String,
}

impl<'de, K: Kind> Deserialize<'de> for Slim<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let field = field::Field::<K>::deserialize(deserializer)?;
        let wrong =
            if field.value.is_none() { field.wrong.or_else(|| Some(String::new())) } else { field.wrong };
        let body = field.value.unwrap_or_default();
        let text = |field: &Option<Box<str>>| field.as_deref().map(str::to_owned);
        let meta = body.meta().map_or_else(ObjectMeta::default, |meta| ObjectMeta {
            namespace: text(&meta.namespace),
            name: text(&meta.name),
            uid: text(&meta.uid),
            resource_version: text(&meta.resource_version),
            ..ObjectMeta::default()
        });
        Ok(Self { meta, body, wrong })
    }
}

/// What is asked of the API server, and what is wanted of each object.
pub(crate) trait Kind: Decode + Default + Clone + Send + Sync + 'static {
    /// Kind as the API names it.
    const KIND: &'static str;
    /// API group, empty for the core group.
    const GROUP: &'static str;
    /// Name of the collection in the path.
    const PLURAL: &'static str;

    /// The wanted metadata.
    fn meta(&self) -> Option<&Meta>;
}

impl<K: Kind> Resource for Slim<K> {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        K::KIND.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        K::GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::PLURAL.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

impl<K: Clone> Clone for Slim<K> {
    fn clone(&self) -> Self {
        Self { meta: self.meta.clone(), body: self.body.clone(), wrong: self.wrong.clone() }
    }
}

impl<K> fmt::Debug for Slim<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _: PhantomData<K> = PhantomData;
        write!(f, "Slim({:?}/{:?})", self.meta.namespace, self.meta.name)
    }
}
