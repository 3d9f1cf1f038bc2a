//! `POST pods/NAME/binding`: a scheduler puts a Pod on a Node.

use serde_json::{Value, json};

use super::{clock, delete::set_condition, kind::PODS, object, refusal::Refusal, state::State};

impl State {
    /// Sets the Node of a Pod, once.
    pub(crate) fn bind(&mut self, namespace: &str, name: &str, node: &str) -> Result<(), Refusal> {
        let pod = self.store.object(&PODS, namespace, name).ok_or_else(|| Refusal::not_found(&PODS, name))?;
        let refuse = |why: String| Err(Refusal::conflict_on("pods/binding", name, &why));
        if node.is_empty() {
            let why = "Required value";
            return Err(Refusal::invalid(&PODS, name, "FieldValueRequired", "target.name", why));
        }
        if object::terminating(&pod) {
            return refuse(format!("pod {name} is being deleted, cannot be assigned to a host"));
        }
        let there = object::text(&pod, "/spec/nodeName");
        if !there.is_empty() {
            return refuse(format!("pod {name} is already assigned to node \"{there}\""));
        }
        let mut bound: Value = (*pod).clone();
        object::section(&mut bound, "spec").insert("nodeName".into(), node.into());
        let now = clock::whole_seconds(self.clock.now());
        set_condition(
            &mut bound,
            json!({"type": "PodScheduled", "status": "True", "lastTransitionTime": now}),
        );
        self.store.put(&PODS, bound);
        Ok(())
    }
}
