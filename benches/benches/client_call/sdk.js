// Calls by the official Node SDK, found by NODE_PATH. Usage: node sdk.js HOST:PORT CALLS CONCURRENCY; prints the processor
// time of the calls.
const { CommonClient } = require("tencentcloud-sdk-nodejs-common");

const [address, calls, concurrency] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const client = new CommonClient(address, "2018-03-17", {
  credential: { secretId: "AKIDEXAMPLE0000000000000000000000000", secretKey: "example-key" },
  region: "ap-guangzhou",
  profile: { httpProfile: { protocol: "http://", endpoint: address } },
});

async function call() {
  const targets = [5, 6, 7, 8, 9, 10].map((n) => ({ EniIp: `172.16.128.${n}`, Port: 8080, Weight: 10 }));
  const request = { LoadBalancerId: "lb-k2zjp9lv", ModifyList: [{ ListenerId: "lbl-7tf2wq1a", Targets: targets }] };
  const answer = await client.request("BatchModifyTargetWeight", request);
  if (!answer.RequestId) throw new Error(JSON.stringify(answer));
}

async function run(count) {
  for (let n = 0; n < count; n += 1) await call();
}

async function all(count) {
  await Promise.all(Array.from({ length: concurrency }, () => run(count)));
}

(async () => {
  await all(20);
  const before = process.cpuUsage();
  await all(Math.floor(calls / concurrency));
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ cpu_us: user + system }));
  process.exit(0);
})();
