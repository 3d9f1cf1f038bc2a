//! Effects: what accepted writes do, and when.

use std::time::Duration;

use super::{
    account::Account,
    fault::Applied,
    log::Change,
    pool::Target,
    task::Pending,
    write::{Edit, To},
};

impl Account {
    /// Does what became due up to `now`.
    pub fn advance(&mut self, now: Duration) {
        while let Some(entry) = self.pending.first_entry() {
            let (at, _) = *entry.key();
            if at > now {
                break;
            }
            let pending = entry.remove();
            self.now = self.now.max(at);
            self.take_effect(at, pending);
        }
        self.now = self.now.max(now);
        for balancer in self.load_balancers.values_mut() {
            while balancer.stale.front().is_some_and(|(until, _)| *until <= self.now) {
                balancer.stale.pop_front();
            }
        }
        for group in self.groups.values_mut() {
            while group.stale.front().is_some_and(|(until, _)| *until <= self.now) {
                group.stale.pop_front();
            }
        }
    }

    pub(crate) fn is_busy(&self, owner: &str) -> bool {
        let balancer = self.load_balancers.get(owner).map(|balancer| balancer.busy_until);
        let group = self.groups.get(owner).map(|group| group.busy_until);
        balancer.or(group).is_some_and(|until| until > self.now)
    }

    pub(crate) fn lock(&mut self, owner: &str, until: Duration) {
        let balancer = self.load_balancers.get_mut(owner).map(|balancer| &mut balancer.busy_until);
        let group = self.groups.get_mut(owner).map(|group| &mut group.busy_until);
        if let Some(busy_until) = balancer.or(group) {
            *busy_until = (*busy_until).max(until);
        }
    }

    /// Plans an effect; one that is due now comes at once.
    pub(crate) fn accept(&mut self, at: Duration, pending: Pending) {
        self.accepted += 1;
        self.pending.insert((at, self.accepted), pending);
        self.advance(self.now);
    }

    fn take_effect(&mut self, at: Duration, mut pending: Pending) {
        match pending.fails {
            None | Some(Applied::All) => {}
            Some(Applied::Half) => {
                pending.edits.truncate(pending.edits.len() / 2);
                pending.associations.truncate(pending.associations.len() / 2);
            }
            Some(Applied::Nothing) => {
                pending.edits.clear();
                pending.associations.clear();
            }
        }
        if !pending.lag.is_zero() {
            self.keep_showing(&pending.owner, at + pending.lag);
        }
        let mut result = pending.broken.map_or(Ok(()), Err);
        let mut zeroed = Vec::new();
        for edit in pending.edits {
            match self.edit(&edit, at) {
                Ok(()) if edit.to == To::Weight(0) => zeroed.push((edit.pool, edit.key)),
                Ok(()) => {}
                Err(missing) => result = Err(missing),
            }
        }
        for (pool, group) in pending.associations {
            self.revision += 1;
            let balancer = self.load_balancers.get_mut(pool.owner());
            let done = balancer.map(|balancer| balancer.associate(&pool, group));
            result = done.unwrap_or_else(|| Err(format!("{pool} does not exist any more"))).and(result);
        }
        if pending.fails.is_some() {
            result = Err("the task failed: internal processing error".to_owned());
        }
        if let Some(task) = pending.task {
            self.tasks.end(&task, at, result, zeroed);
        }
    }

    /// Lets reads show the targets as they are now for longer.
    fn keep_showing(&mut self, owner: &str, until: Duration) {
        if let Some(balancer) = self.load_balancers.get_mut(owner) {
            let now = balancer.listeners.clone();
            balancer.stale.push_back((until, now));
        } else if let Some(group) = self.groups.get_mut(owner) {
            let now = group.targets.clone();
            group.stale.push_back((until, now));
        }
    }

    /// Changes one target; says what is missing if it cannot.
    pub(crate) fn edit(&mut self, edit: &Edit, at: Duration) -> Result<(), String> {
        if let To::Port(port) = edit.to {
            return self.move_port(edit, port, at);
        }
        let targets =
            self.targets_mut(&edit.pool).ok_or_else(|| format!("{} does not exist any more", edit.pool))?;
        let before = targets.get(&edit.key).map(|target| target.weight);
        let after = match (&edit.to, before) {
            (To::Bound(weight, tag), None) => {
                let target =
                    Target { weight: *weight, registered: at, tag: tag.clone(), zero_acknowledged: false };
                targets.insert(edit.key.clone(), target);
                Some(*weight)
            }
            (To::Weight(weight) | To::Bound(weight, _), Some(_)) => {
                if let Some(target) = targets.get_mut(&edit.key) {
                    target.weight = *weight;
                    target.zero_acknowledged &= *weight == 0;
                }
                Some(*weight)
            }
            (To::Unbound, Some(_)) => {
                targets.remove(&edit.key);
                None
            }
            (To::Weight(_) | To::Unbound | To::Port(_), None) | (To::Port(_), Some(_)) => {
                return Err(format!("target {} is not bound to {}", edit.key, edit.pool));
            }
        };
        if before != after {
            self.revision += 1;
            let pool = edit.pool.clone();
            self.changes.push(Change { at, pool, address: edit.key.address, before, after });
        }
        Ok(())
    }

    /// A target on another port is another target.
    fn move_port(&mut self, edit: &Edit, port: u16, at: Duration) -> Result<(), String> {
        let target = self.targets_of(&edit.pool).and_then(|targets| targets.get(&edit.key));
        let target = target.ok_or_else(|| format!("target {} is not bound to {}", edit.key, edit.pool))?;
        let bound = To::Bound(target.weight, target.tag.clone());
        let (pool, key) = (edit.pool.clone(), edit.key.clone());
        let moved = Edit { pool: pool.clone(), key: key.on_port(port), to: bound };
        self.edit(&Edit { pool, key, to: To::Unbound }, at)?;
        self.edit(&moved, at)
    }
}
