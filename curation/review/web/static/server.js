// What is asked of the server. An answer counts once it has come back.

import { texts } from "./texts.js";

/** An error whose message is for the person. */
export class Refused extends Error {}

export function get(path) {
  return call(path, {});
}

export function post(path, said = {}) {
  return call(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(said),
  });
}

async function call(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, credentials: "same-origin", redirect: "error" });
  } catch {
    throw new Refused(texts.offline ?? "no connection");
  }
  const isJson = (response.headers.get("content-type") ?? "").startsWith("application/json");
  const body = isJson ? await response.json() : { error: (await response.text()).trim() };
  if (!response.ok) throw new Refused(body.error);
  return body;
}
