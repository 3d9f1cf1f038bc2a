//! Garbage collection: what a deleted owner leaves behind is deleted in the background.

use serde_json::Value;

use super::{
    delete::DeleteOptions,
    kind::{ENDPOINT_SLICES, PODS, REPLICA_SETS},
    object,
    state::State,
};

/// Deletes the dependents of an object that is gone.
pub(crate) fn collect(state: &mut State, gone: &Value) {
    let (namespace, uid) = (object::namespace(gone), object::uid(gone));
    for kind in [&REPLICA_SETS, &PODS, &ENDPOINT_SLICES] {
        let orphans: Vec<_> = state
            .store
            .objects(kind, Some(namespace))
            .filter(|o| {
                object::list(o, "/metadata/ownerReferences").iter().any(|r| object::text(r, "/uid") == uid)
            })
            .cloned()
            .collect();
        for orphan in orphans {
            // Gone already is as good.
            let _deleted = state.delete(kind, namespace, object::name(&orphan), &DeleteOptions::default());
        }
    }
}
