//! Reads that take more than one call.

use crate::api::{
    DescribeLoadBalancers, DescribeTargetGroupInstances, DescribeTargets, GroupBackend, ListenerId,
    ListenerTargets, LoadBalancer, LoadBalancerId, TargetGroupId,
};
use crate::client::Client;
use crate::error::Error;

impl Client {
    /// All load balancers that `request` selects, page by page. A page that it names is overridden.
    ///
    /// The pages are read one after the other, so a load balancer that comes or goes meanwhile may be missed or read twice.
    ///
    /// # Errors
    /// That of the first call that fails.
    pub async fn all_load_balancers(
        &self,
        request: DescribeLoadBalancers,
    ) -> Result<Vec<LoadBalancer>, Error> {
        let mut all = Vec::new();
        loop {
            let page = request.clone().with_page(offset(&all), PAGE);
            let answer = self.call(&page).await?;
            let last = answer.load_balancers.is_empty();
            all.extend(answer.load_balancers);
            if last || all.len() as u64 >= answer.total_count {
                return Ok(all);
            }
        }
    }

    /// The targets of `listeners` of one load balancer, 20 listeners per call. No listener, no call.
    ///
    /// # Errors
    /// That of the first call that fails.
    pub async fn all_targets(
        &self,
        load_balancer: &LoadBalancerId,
        listeners: &[ListenerId],
    ) -> Result<Vec<ListenerTargets>, Error> {
        let mut all = Vec::new();
        for chunk in listeners.chunks(LISTENERS) {
            let request = DescribeTargets::new(load_balancer.clone()).with_listeners(chunk.to_vec());
            all.extend(self.call(&request).await?.listeners);
        }
        Ok(all)
    }

    /// All targets of a target group, page by page; they may change between two pages.
    ///
    /// # Errors
    /// That of the first call that fails.
    pub async fn all_group_members(&self, group: &TargetGroupId) -> Result<Vec<GroupBackend>, Error> {
        let mut all = Vec::new();
        loop {
            let page = DescribeTargetGroupInstances::of_group(group).with_page(offset(&all), PAGE);
            let answer = self.call(&page).await?;
            let last = answer.members.is_empty();
            all.extend(answer.members);
            if last || all.len() as u64 >= answer.total_count.max(answer.real_count) {
                return Ok(all);
            }
        }
    }
}

/// How many were read so far.
fn offset<T>(read: &[T]) -> u32 {
    u32::try_from(read.len()).unwrap_or(u32::MAX)
}

/// Largest page.
const PAGE: u32 = 100;

/// Listeners of one `DescribeTargets`.
const LISTENERS: usize = 20;
