// The official Node SDK as a signer that takes turns. First line of the input: the body, answered with the header; then per
// line a number of signatures, answered with nanoseconds of CPU per signature.
const { createInterface } = require("readline");
const { default: Sign } = require("tencentcloud-sdk-nodejs-common/tencentcloud/common/sign");

let payload = null;
const sign = () =>
  Sign.sign3({
    method: "POST",
    url: "https://clb.tencentcloudapi.com/",
    payload,
    timestamp: 1772323200,
    service: "clb",
    secretId: "AKIDEXAMPLE",
    secretKey: "example-key",
    headers: { "Content-Type": "application/json" },
  });

createInterface({ input: process.stdin }).on("line", (line) => {
  if (payload === null) {
    payload = Buffer.from(line);
    return console.log(sign());
  }
  const begun = process.cpuUsage();
  for (let i = 0; i < Number(line); i++) sign();
  const { user, system } = process.cpuUsage(begun);
  console.log(((user + system) * 1000) / Number(line));
});
