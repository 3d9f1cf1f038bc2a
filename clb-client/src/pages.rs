//! Reads that take more than one call.

use std::collections::BTreeSet;

use crate::api::{
    ApiCall, AsyncJob, CrossTarget, DescribeAsyncJobs, DescribeCrossTargets, DescribeLoadBalancers,
    DescribeTargetGroupInstances, DescribeTargetGroupList, DescribeTargetGroups, DescribeTargets,
    GroupBackend, ListenerId, ListenerTargets, LoadBalancer, LoadBalancerId, TargetGroup, TargetGroupId,
};
use crate::client::Client;
use crate::error::{Error, ErrorKind, Executed, Problem, one_line};

/// Pages are read one after the other, so what comes or goes meanwhile may be missed or read twice.
impl Client {
    /// All load balancers that `request` selects, page by page. A page that it names is overridden.
    ///
    /// # Errors
    /// That of the first call that fails.
    pub async fn all_load_balancers(
        &self,
        request: DescribeLoadBalancers,
    ) -> Result<Vec<LoadBalancer>, Error> {
        let page = |offset| request.clone().with_page(offset, PAGE);
        self.every_page(page, |answer| (answer.load_balancers, answer.total_count)).await
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

    /// All targets of other networks that `request` selects, page by page. A page that it names is overridden.
    ///
    /// # Errors
    /// That of the first call that fails.
    pub async fn all_cross_targets(&self, request: DescribeCrossTargets) -> Result<Vec<CrossTarget>, Error> {
        let page = |offset| request.clone().with_page(offset, PAGE);
        self.every_page(page, |answer| (answer.targets, answer.total_count)).await
    }

    /// All target groups that `request` selects, page by page, with what is above them. A page that it names is overridden.
    ///
    /// # Errors
    /// That of the first call that fails.
    pub async fn all_target_groups(&self, request: DescribeTargetGroups) -> Result<Vec<TargetGroup>, Error> {
        let page = |offset| request.clone().with_page(offset, PAGE);
        self.every_page(page, |answer| (answer.groups, answer.total_count)).await
    }

    /// The same without what is above them, which is less for the server to do.
    ///
    /// # Errors
    /// That of the first call that fails.
    pub async fn target_group_list(
        &self,
        request: DescribeTargetGroupList,
    ) -> Result<Vec<TargetGroup>, Error> {
        let page = |offset| request.clone().with_page(offset, PAGE);
        self.every_page(page, |answer| (answer.groups, answer.total_count)).await
    }

    /// All targets of a target group, page by page.
    ///
    /// # Errors
    /// That of the first call that fails.
    pub async fn all_group_members(&self, group: &TargetGroupId) -> Result<Vec<GroupBackend>, Error> {
        let page = |offset| DescribeTargetGroupInstances::of_group(group).with_page(offset, PAGE);
        self.every_page(page, |answer| (answer.members, answer.total_count.max(answer.real_count))).await
    }

    /// The asynchronous calls with these request ids, page by page. No id, no call.
    ///
    /// # Errors
    /// That of the first call that fails; [`ErrorKind::Failed`] when the pages do not end: one leads back to an earlier one,
    /// or there are more of them than ids.
    pub async fn all_async_jobs(&self, request_ids: Vec<String>) -> Result<Vec<AsyncJob>, Error> {
        let (ids, mut all, mut tokens) = (request_ids.len(), Vec::new(), BTreeSet::new());
        if ids == 0 {
            return Ok(all);
        }
        let mut request = DescribeAsyncJobs::new(request_ids).with_page("", JOBS);
        loop {
            let answer = self.call(&request).await?;
            all.extend(answer.jobs);
            let next = answer.next_token;
            if next.is_empty() {
                return Ok(all);
            }
            // Each page but the last one has a job at least.
            if tokens.len() == ids || !tokens.insert(next.clone()) {
                let (pages, next) = (tokens.len() + 1, one_line(&next, 80));
                let message = format!(
                    "after {pages} pages for {ids} request ids the next token is {next:?}, and so on without end"
                );
                let problem = Problem::local(ErrorKind::Failed, Executed::Maybe, message);
                return Err(Error::new(DescribeAsyncJobs::ACTION, request.object(), 1, problem));
            }
            request = request.with_page(next, JOBS);
        }
    }

    /// Asks until all are read that the answers count, or a page is empty. Where the answers count none, a page that is not
    /// full is the last one.
    async fn every_page<R: ApiCall, T>(
        &self,
        page: impl Fn(u32) -> R,
        taken: impl Fn(R::Response) -> (Vec<T>, u64),
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        loop {
            let offset = u32::try_from(all.len()).unwrap_or(u32::MAX);
            let (found, total) = taken(self.call(&page(offset)).await?);
            let is_last = found.is_empty() || (total == 0 && found.len() < PAGE as usize);
            all.extend(found);
            if is_last || (total > 0 && all.len() as u64 >= total) {
                return Ok(all);
            }
        }
    }
}

/// Largest page.
const PAGE: u32 = 100;

/// Largest page of asynchronous calls.
const JOBS: u8 = 100;

/// Listeners of one `DescribeTargets`.
const LISTENERS: usize = 20;
