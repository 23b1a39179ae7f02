// Sends a folder of the visitor's to the platform, straight from the browser, and enters it.
// Everything the platform or the files say is written as text, never as markup.

const PART_BYTES = 64 * 1024 * 1024;
const READ_BYTES = 4 * 1024 * 1024;
const TRIES = 5;

export default function ({ data, parentElement, setTriggerValue }) {
  const find = (name) => parentElement.querySelector(`[data-part="${name}"]`);
  const folder = find("folder"), single = find("single"), send = find("send");
  // Called again whenever the page is drawn anew: what was chosen stays.
  if (send.dataset.ready === data.key) return;
  send.dataset.ready = data.key;
  find("named").hidden = data.kind === "folder";
  find("tryout").hidden = !data.tryout;
  const state = { files: [], card: null };
  const say = (name, text) => { find(name).textContent = text; };

  const choose = async (list) => {
    state.files = listed(list);
    state.card = null;
    send.disabled = true;
    say("error", ""); say("hint", ""); say("done", "");
    if (!state.files.length) { say("chosen", "No file was chosen."); return; }
    const bytes = state.files.reduce((sum, file) => sum + file.file.size, 0);
    say("chosen", `${state.files.length} files, ${size(bytes)}`);
    try {
      state.card = data.kind === "folder" ? await cardOf(state.files) : namedCard(find);
    } catch (problem) {
      say("error", problem.message);
      return;
    }
    if (data.kind === "folder") say("chosen", `${state.card.title || state.card.name}: ${state.files.length} files, ${size(bytes)}`);
    send.disabled = false;
  };
  folder.onchange = () => choose(folder.files);
  single.onchange = () => choose(single.files);

  send.onclick = async () => {
    send.disabled = folder.disabled = single.disabled = true;
    say("error", ""); say("hint", ""); say("done", "");
    try {
      if (data.kind !== "folder") state.card = namedCard(find);
      const view = await enter(data, state, find("message").value, find("check").checked, progress(find));
      progress(find)("Entered", 1, 1);
      const link = document.createElement("a");
      link.href = `submission?id=${encodeURIComponent(view.id)}`;
      link.target = "_self";
      link.textContent = "Follow it on its page";
      find("done").replaceChildren(`Entered as ${view.id}. `, link);
      setTriggerValue("entered", view.id);
    } catch (problem) {
      say("error", problem.message);
      say("hint", problem.hint || "");
      send.disabled = false;
    } finally {
      folder.disabled = single.disabled = false;
    }
  };
}

function listed(list) {
  return [...list]
    .map((file) => ({ file, path: inside(file.webkitRelativePath || file.name) }))
    .filter(({ path }) => !path.split("/").some((part) => part.startsWith(".") || part === "__pycache__"))
    .sort((one, other) => (one.path < other.path ? -1 : 1));
}

// The folder's own name is not part of a path.
function inside(path) {
  const cut = path.indexOf("/");
  return cut < 0 ? path : path.slice(cut + 1);
}

async function cardOf(files) {
  const found = files.find(({ path }) => path === "model.json");
  if (!found) throw new Error("There is no model.json in this folder. `proctor model init` writes a complete one.");
  let card;
  try {
    card = JSON.parse(await found.file.text());
  } catch (problem) {
    throw new Error(`model.json is not JSON: ${problem.message}`);
  }
  if (!card.runtime) throw new Error('model.json names no runtime, for example "runtime": "runtime-cpu".');
  return card;
}

function namedCard(find) {
  const title = find("title").value.trim();
  const name = title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 64);
  return { name: name || "predictions", title };
}

function progress(find) {
  return (what, done, total) => {
    find("bar").hidden = false;
    find("bar").value = total ? done / total : 1;
    find("progress").textContent = total > 1 ? `${what}: ${size(done)} of ${size(total)}` : what;
  };
}

async function enter(data, state, message, checkOnly, tell) {
  const total = state.files.reduce((sum, { file }) => sum + file.size, 0);
  const entries = [];
  let read = 0;
  for (const { file, path } of state.files) {
    const digest = await digestOf(file, (bytes) => tell("Computing digests", (read += bytes), total));
    entries.push({ path, executable: false, file: { digest, size: file.size } });
  }
  const content = data.kind === "folder"
    ? { kind: "folder", runtime: state.card.runtime, entries }
    : { kind: "predictions", entries };
  const request = {
    challenge: data.challenge, phase: data.phase, content, card: state.card, message,
    check_only: checkOnly,
  };
  const key = [...crypto.getRandomValues(new Uint8Array(18))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  // Asked first: who is refused should not have to upload before being told.
  try {
    return await call(data, "POST", "/submissions", request, key);
  } catch (problem) {
    if (problem.code !== "BLOB_MISSING") throw problem;
  }
  const digests = [...new Set(entries.map((entry) => entry.file.digest))];
  const { missing } = await call(data, "POST", "/blobs/missing", { digests });
  const wanted = missing.map((digest) => state.files[entries.findIndex((entry) => entry.file.digest === digest)].file);
  const bytes = wanted.reduce((sum, file) => sum + file.size, 0);
  let sent = 0;
  for (const [number, file] of wanted.entries()) {
    await upload(data, missing[number], file, (part) => tell("Uploading", sent + part, bytes));
    sent += file.size;
  }
  tell("Entering", 1, 1);
  return await call(data, "POST", "/submissions", request, key);
}

async function upload(data, digest, file, sent) {
  if (file.size <= PART_BYTES) {
    await patiently(() => put(data, `/blobs/${digest}`, file, sent));
    return;
  }
  const path = `/blobs/${digest}/upload?size=${file.size}`;
  for (let state = await call(data, "GET", path); !state.complete; ) {
    const start = state.received;
    state = await patiently(async () => {
      const from = (await call(data, "GET", path)).received;
      const part = file.slice(from, from + PART_BYTES);
      return JSON.parse(await put(data, `${path}&offset=${from}`, part, (bytes) => sent(from + bytes)));
    });
    if (!state.complete && state.received <= start) throw new Error("The upload does not go on. Try again later.");
  }
}

async function patiently(send) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send();
    } catch (problem) {
      if (problem.code || attempt === TRIES) throw problem;
      await new Promise((go) => setTimeout(go, 500 * 2 ** attempt));
    }
  }
}

// XMLHttpRequest, because fetch does not tell how far an upload is.
function put(data, path, body, sent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `${data.api}/api/v1${path}`);
    request.setRequestHeader("Authorization", `Bearer ${data.token}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => sent(event.loaded);
    request.onload = () => (request.status < 300 ? resolve(request.responseText) : reject(refusal(request.status, request.responseText)));
    request.onerror = () => reject(unreachable(data));
    request.send(body);
  });
}

async function call(data, method, path, body, key) {
  const headers = { Authorization: `Bearer ${data.token}` };
  if (body) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  let answer;
  try {
    answer = await fetch(`${data.api}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw unreachable(data);
  }
  const text = await answer.text();
  if (!answer.ok) throw refusal(answer.status, text);
  return JSON.parse(text);
}

function unreachable(data) {
  const problem = new Error(`${data.api} cannot be reached from this page.`);
  problem.hint = "It may be down, or it knows these pages by another address (its setting PROCTOR_DASHBOARD_URL). `proctor submit` works in any case.";
  return problem;
}

function refusal(status, text) {
  let told = {};
  try { told = JSON.parse(text); } catch { /* a proxy answered */ }
  const fields = (told.errors || []).map((entry) => `${entry.field}: ${entry.message}`);
  const problem = new Error([told.title || `The platform answered ${status}.`, told.detail, ...fields].filter(Boolean).join(" "));
  problem.hint = told.hint || "";
  problem.code = told.code || String(status);
  return problem;
}

function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB"];
  let unit = 0;
  while (bytes >= 1000 && unit < 3) { bytes /= 1000; unit += 1; }
  return `${unit && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}

async function digestOf(file, done) {
  const hash = new Sha256();
  for (let start = 0; start < file.size; start += READ_BYTES) {
    const part = new Uint8Array(await file.slice(start, start + READ_BYTES).arrayBuffer());
    hash.update(part);
    done(part.length);
  }
  return `sha256:${hash.hex()}`;
}

// SHA-256 (FIPS 180-4) piece by piece: the browser's own takes a whole file at once, and is not
// there on pages without TLS.
const K = new Uint32Array(64);
const START = new Uint32Array(8);
for (let n = 2, found = 0; found < 64; n += 1) {
  let prime = true;
  for (let d = 2; d * d <= n; d += 1) if (n % d === 0) prime = false;
  if (!prime) continue;
  if (found < 8) START[found] = fraction(Math.sqrt(n));
  K[found] = fraction(Math.cbrt(n));
  found += 1;
}

function fraction(value) { return ((value - Math.floor(value)) * 2 ** 32) >>> 0; }

class Sha256 {
  constructor() {
    this.state = START.slice();
    this.words = new Uint32Array(64);
    this.block = new Uint8Array(64);
    this.used = 0;
    this.length = 0;
  }

  update(bytes) {
    this.length += bytes.length;
    let at = 0;
    if (this.used) {
      at = Math.min(64 - this.used, bytes.length);
      this.block.set(bytes.subarray(0, at), this.used);
      this.used += at;
      if (this.used < 64) return;
      this.mix(this.block, 0);
    }
    for (; at + 64 <= bytes.length; at += 64) this.mix(bytes, at);
    this.used = bytes.length - at;
    this.block.set(bytes.subarray(at));
  }

  mix(bytes, at) {
    const w = this.words;
    for (let i = 0; i < 16; i += 1, at += 4) {
      w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    }
    for (let i = 16; i < 64; i += 1) {
      const x = w[i - 15], y = w[i - 2];
      const low = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const high = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + low + w[i - 7] + high) | 0;
    }
    let [a, b, c, d, e, f, g, h] = this.state;
    for (let i = 0; i < 64; i += 1) {
      const turned = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const first = (h + turned + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const spun = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const second = (spun + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + first) | 0; d = c; c = b; b = a; a = (first + second) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => { this.state[i] += value; });
  }

  hex() {
    const bits = this.length * 8;
    const tail = new Uint8Array(((this.used + 8) >> 6) * 64 + 64 - this.used);
    tail[0] = 128;
    const end = new DataView(tail.buffer);
    end.setUint32(tail.length - 8, Math.floor(bits / 2 ** 32));
    end.setUint32(tail.length - 4, bits >>> 0);
    this.update(tail);
    return [...this.state].map((word) => word.toString(16).padStart(8, "0")).join("");
  }
}
