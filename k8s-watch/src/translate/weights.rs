//! Annotation `lb-rs-weight`: weights by StatefulSet ordinal, per protocol and port of the Service.

use grace_core::{OrdinalWeight, Weight};
use serde::Deserialize;

use super::annotation::MAX_JSON;

/// Weights as one Service configures them.
pub(crate) struct WeightTable {
    default: Weight,
    groups: Vec<Group>,
}

impl WeightTable {
    /// The same weight for everything.
    pub(crate) const fn of_default(default: Weight) -> Self {
        Self { default, groups: Vec::new() }
    }

    /// Reads the annotation. One value out of range makes all of it unusable: half of a table would move load to
    /// where nobody wants it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_JSON {
            return None;
        }
        let table: Table = serde_json::from_str(text).ok()?;
        let groups: Option<Vec<Group>> = table.groups.iter().map(Group::of).collect();
        Some(Self { default: table.default_weight.map_or(Some(Weight::DEFAULT), weight)?, groups: groups? })
    }

    /// Weight of a Pod that no ordinal names.
    pub(crate) const fn default_weight(&self) -> Weight {
        self.default
    }

    /// Weights by ordinal of one Service port; `protocol` as the Service spells it.
    pub(crate) fn of_port(&self, protocol: &str, port: u16) -> Vec<OrdinalWeight> {
        self.groups
            .iter()
            .filter(|group| group.protocol.eq_ignore_ascii_case(protocol) && group.port == port)
            .flat_map(|group| group.weights.iter().cloned())
            .collect()
    }
}

struct Group {
    protocol: Box<str>,
    port: u16,
    weights: Vec<OrdinalWeight>,
}

impl Group {
    fn of(wire: &WireGroup) -> Option<Self> {
        let mut weights = Vec::new();
        for set in &wire.stateful_sets {
            for entry in &set.weights {
                weights.push(OrdinalWeight {
                    stateful_set: set.name.as_str().into(),
                    ordinals: entry.pod_indexes.clone(),
                    weight: weight(entry.weight)?,
                });
            }
        }
        Some(Self { protocol: wire.key.proto.as_str().into(), port: wire.key.port, weights })
    }
}

fn weight(number: u8) -> Option<Weight> {
    Weight::new(number).ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Table {
    default_weight: Option<u8>,
    #[serde(default)]
    groups: Vec<WireGroup>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireGroup {
    key: WireKey,
    #[serde(default)]
    stateful_sets: Vec<WireSet>,
}

#[derive(Deserialize)]
struct WireKey {
    proto: String,
    port: u16,
}

#[derive(Deserialize)]
struct WireSet {
    name: String,
    #[serde(default)]
    weights: Vec<WireWeight>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireWeight {
    weight: u8,
    #[serde(default)]
    pod_indexes: Vec<u32>,
}
