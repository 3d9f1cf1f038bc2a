//! What the targets are tried with first: answers in the form of the API's documentation, files and headers as they are.

/// Action 0 to 11 of the target, HTTP status 0 (200), then the body.
pub(crate) const API_ANSWERS: &[&[u8]] = &[
    b"\x00\x00{\"Response\":{\"Listeners\":[{\"ListenerId\":\"lbl-7tf2wq1a\",\"ListenerName\":\"web\",\"Protocol\":\"TCP\",\"Port\":80,\"EndPort\":null,\"Rules\":null,\"Targets\":[{\"Type\":\"ENI\",\"InstanceId\":\"\",\"Port\":8080,\"Weight\":10,\"PublicIpAddresses\":null,\"PrivateIpAddresses\":[\"10.0.0.7\"],\"RegisteredTime\":\"2026-03-01 08:00:00\",\"EniId\":\"eni-1\",\"ZoneId\":100003}]}],\"RequestId\":\"3b4c5d6e-0000-4000-8000-000000000001\"}}",
    b"\x00\x00{\"Response\":{\"Listeners\":[{\"ListenerId\":\"lbl-1\",\"Protocol\":\"HTTP\",\"Port\":80,\"Targets\":null,\"Rules\":[{\"LocationId\":\"loc-1\",\"Domain\":\"a.example\",\"Url\":\"/\",\"Targets\":[{\"Type\":\"eni\",\"Port\":8080,\"Weight\":0,\"PrivateIpAddresses\":[\"2001:db8::7\"]}]}]}],\"RequestId\":\"r-1\"}}",
    b"\x01\x00{\"Response\":{\"Listeners\":[{\"ListenerId\":\"lbl-1\",\"Protocol\":\"TCP_SSL\",\"Port\":443,\"SessionExpireTime\":30,\"Scheduler\":\"WRR\",\"HealthCheck\":{\"HealthSwitch\":1,\"TimeOut\":2,\"IntervalTime\":5},\"Rules\":[],\"TargetType\":\"NODE\",\"DeregisterTargetRst\":false}],\"TotalCount\":1,\"RequestId\":\"r-1\"}}",
    b"\x02\x00{\"Response\":{\"TotalCount\":1,\"LoadBalancerSet\":[{\"LoadBalancerId\":\"lb-1\",\"LoadBalancerName\":\"n\",\"LoadBalancerType\":\"OPEN\",\"Forward\":1,\"Domain\":\"\",\"LoadBalancerVips\":[\"203.0.113.1\"],\"Status\":1,\"VpcId\":\"vpc-1\",\"Tags\":[{\"TagKey\":\"tke-clusterId\",\"TagValue\":\"cls-1\"}],\"TargetRegionInfo\":{\"Region\":\"ap-guangzhou\",\"VpcId\":\"vpc-1\"}}],\"RequestId\":\"r-1\"}}",
    b"\x03\x00{\"Response\":{\"LoadBalancers\":[{\"LoadBalancerId\":\"lb-1\",\"LoadBalancerName\":\"n\",\"Listeners\":[{\"ListenerId\":\"lbl-1\",\"Protocol\":\"TCP\",\"Port\":80,\"Rules\":[{\"LocationId\":\"\",\"Targets\":[{\"IP\":\"10.0.0.7\",\"Port\":8080,\"HealthStatus\":true,\"TargetId\":\"\",\"HealthStatusDetail\":\"Alive\"}]}]}]}],\"RequestId\":\"r-1\"}}",
    b"\x04\x00{\"Response\":{\"Status\":0,\"LoadBalancerIds\":[\"lb-6efswuxa\"],\"RequestId\":\"917384bc-5b8d-4b68-a0bc-a58f815e8e3b\"}}",
    b"\x04\x00{\"Response\":{\"Status\":1,\"LoadBalancerIds\":null,\"Message\":\"reason\",\"RequestId\":\"r-1\"}}",
    b"\x05\x00{\"Response\":{\"TotalCount\":1,\"TargetGroupSet\":[{\"TargetGroupId\":\"lbtg-1\",\"VpcId\":\"vpc-1\",\"TargetGroupName\":\"n\",\"Port\":80,\"TargetGroupType\":\"v2\",\"Weight\":null,\"AssociatedRule\":[{\"LoadBalancerId\":\"lb-1\",\"ListenerId\":\"lbl-1\",\"LocationId\":null,\"Protocol\":\"TCP\"}]}],\"RequestId\":\"r-1\"}}",
    b"\x06\x00{\"Response\":{\"TotalCount\":1,\"RealCount\":1,\"TargetGroupInstanceSet\":[{\"TargetGroupId\":\"lbtg-1\",\"Type\":\"ENI\",\"InstanceId\":\"\",\"Port\":80,\"Weight\":10,\"PrivateIpAddresses\":[\"10.0.0.7\"],\"EniId\":\"eni-1\"}],\"RequestId\":\"r-1\"}}",
    b"\x07\x00{\"Response\":{\"QuotaSet\":[{\"QuotaId\":\"TOTAL_LISTENER_QUOTA\",\"QuotaCurrent\":null,\"QuotaLimit\":50}],\"RequestId\":\"r-1\"}}",
    b"\x08\x00{\"Response\":{\"LoadBalancers\":[{\"LoadBalancerId\":\"lb-1\",\"Vip\":\"203.0.113.1\",\"Region\":\"ap-guangzhou\",\"Listeners\":[{\"ListenerId\":\"lbl-1\",\"Protocol\":\"HTTP\",\"Port\":80,\"Rules\":[{\"LocationId\":\"loc-1\",\"Domain\":\"a.example\",\"Url\":\"/\",\"Targets\":[{\"Type\":\"ENI\",\"PrivateIp\":\"10.0.0.7\",\"Port\":8080,\"VpcId\":1,\"Weight\":10}]}],\"Targets\":[]}]}],\"RequestId\":\"r-1\"}}",
    b"\x09\x00{\"Response\":{\"RequestId\":\"4daa7b42-0000-4000-8000-000000000002\"}}",
    b"\x0a\x00{\"Response\":{\"FailListenerIdSet\":[],\"Message\":\"\",\"RequestId\":\"83129908-a282-4f9f-8ab-131a3025ba22\"}}",
    b"\x0b\x00{\"Response\":{\"FailListenerIdSet\":[\"lbl-1\"],\"Message\":null,\"RequestId\":\"r-1\"}}",
    b"\x00\x00{\"Response\":{\"Error\":{\"Code\":\"FailedOperation.ResourceInOperating\",\"Message\":\"your task is working\"},\"RequestId\":\"r-1\"}}",
    b"\x00\x00{\"code\":4000,\"message\":\"m\",\"codeDesc\":\"RequestLimitExceeded\"}",
    b"\x00\x05<html>Bad Gateway</html>",
];

/// Code, line feed, message.
pub(crate) const ERROR_BODIES: &[&[u8]] = &[
    b"FailedOperation.ResourceInOperating\nyour task is working, please wait",
    b"InvalidParameter.LBIdNotFound\nLoadBalancer not exist",
    b"InvalidParameter\nsome ListenerId lbl-1 not found",
    b"AuthFailure.SignatureExpire\nclock",
    b"AuthFailure.TokenFailure\n",
    b"RequestLimitExceeded.UinLimitExceeded\nYour current request times equals to `21` in a second",
    b"FailedOperation\nlb is not in normal desstate",
    b"InternalError\n",
    b".\n",
    b"",
];

/// Method, URI, product, headers, body.
pub(crate) const REQUESTS: &[&[u8]] = &[
    b"POST\n/\nclb\nX-TC-Action: DescribeTargets\n\n{\"LoadBalancerId\":\"lb-1\"}",
    b"GET\n/?Limit=1&Name=%E6%9C%AA\ncvm\ncontent-type: application/x-www-form-urlencoded\nHost: cvm.tencentcloudapi.com:8443\n\n",
    b"POST\n/a/../b?x=1?2\nsts\nContent-Type: application/json; charset=utf-8\nAccept:  A/b \nX-Tc-Region: ap-x\nx-tc-region: ap-y\n\n\xff\x00\n\n",
    b"OPTIONS\n*\nclb\n\n",
    // A vertical tab is no white space to HTTP.
    b"POST\n/a'../b?x=1?2\nsts\nContent-Type: aPOSTx=0?POS\x0b\nc",
];

/// What people have in `~/.tencentcloud/credentials`.
pub(crate) const CREDENTIALS_FILES: &[&[u8]] = &[
    b"[default]\nsecret_id = AKIDEXAMPLE\nsecret_key = example-key\n",
    b"\xef\xbb\xbf[default]\r\nsecret_id=AKIDEXAMPLE\r\nsecret_key=k\r\ntoken=t\r\n",
    b"# comment\n[other]\nsecret_id=x\n[ default ]\n;secret_id = y\nsecret_id = A\nsecret_id = B\nsecret_key = a b\n",
    b"secret_id = outside\n[default\nsecret_key\n=",
];

/// Name of the role, line feed, what is said about it.
pub(crate) const METADATA_ANSWERS: &[&[u8]] = &[
    b"my-role\n{\"TmpSecretId\":\"id\",\"TmpSecretKey\":\"key\",\"ExpiredTime\":1772323200,\"Expiration\":\"2026-03-01T00:00:00Z\",\"Token\":\"token\",\"Code\":\"Success\"}",
    b"my-role\n{\"Code\":\"Failed\",\"Message\":\"m\"}",
    b"../../user-data\n{}",
    b"<html>\nnot found",
];

/// Answers of `AssumeRoleWithWebIdentity`.
pub(crate) const TOKEN_ANSWERS: &[&[u8]] = &[
    b"{\"Response\":{\"Credentials\":{\"Token\":\"t\",\"TmpSecretId\":\"id\",\"TmpSecretKey\":\"k\"},\"ExpiredTime\":1772323200,\"Expiration\":\"2026-03-01T00:00:00Z\",\"RequestId\":\"r\"}}",
    b"{\"Response\":{\"Error\":{\"Code\":\"InvalidParameter.WebIdentityTokenError\",\"Message\":\"expired\"},\"RequestId\":\"r\"}}",
];

/// Values of `Authorization`; the first is of the documented form.
pub(crate) const AUTHORIZATIONS: &[&[u8]] = &[
    b"TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2026-03-01/clb/tc3_request, SignedHeaders=content-type;host, Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
    b"TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2026-03-01/clb/tc3_request,SignedHeaders=content-type;host;x-tc-action,Signature=00",
    b"SKIP",
    b"TC3-HMAC-SHA256 Credential=/2026-03-01//tc3_request, SignedHeaders=content-type;host;;host, Signature=",
];

/// Action, line feed, body.
#[cfg(feature = "sim")]
pub(crate) const SIMULATOR_REQUESTS: &[&[u8]] = &[
    b"BatchModifyTargetWeight\n{\"LoadBalancerId\":\"lb-1\",\"ModifyList\":[{\"ListenerId\":\"lbl-1\",\"Targets\":[{\"EniIp\":\"10.0.0.7\",\"Port\":80,\"Weight\":0}],\"Weight\":10}]}",
    b"BatchRegisterTargets\n{\"LoadBalancerId\":\"lb-1\",\"Targets\":[{\"ListenerId\":\"lbl-2\",\"LocationId\":\"loc-1\",\"EniIp\":\"10.0.0.7\",\"Port\":80,\"Weight\":10}]}",
    b"RegisterTargets\n{\"LoadBalancerId\":\"lb-1\",\"ListenerId\":\"lbl-1\",\"Targets\":[{\"InstanceId\":\"ins-1\",\"Port\":80}]}",
    b"DeregisterTargets\n{\"LoadBalancerId\":\"lb-1\",\"ListenerId\":\"lbl-2\",\"Domain\":\"a.example\",\"Url\":\"/\",\"Targets\":[{\"EniIp\":\"::1\",\"Port\":80}]}",
    b"DescribeTargets\n{\"LoadBalancerId\":\"lb-1\",\"ListenerIds\":[\"lbl-1\"],\"Filters\":[{\"Name\":\"location-id\",\"Values\":[\"loc-1\"]}]}",
    b"DescribeLoadBalancers\n{\"LoadBalancerIds\":[\"lb-1\"],\"Offset\":0,\"Limit\":100,\"Filters\":null}",
    b"RegisterTargetGroupInstances\n{\"TargetGroupId\":\"lbtg-1\",\"TargetGroupInstances\":[{\"BindIP\":\"10.0.0.7\",\"Port\":80,\"Weight\":1}]}",
    b"ModifyTargetPort\n{\"LoadBalancerId\":\"lb-1\",\"ListenerId\":\"lbl-1\",\"Targets\":[{\"EniIp\":\"10.0.0.7\",\"Port\":80}],\"NewPort\":65536}",
    b"DescribeTargetHealth\n{\"LoadBalancerIds\":[\"lb-1\"]}",
];
