// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The page of maps-server: a list of processes, and the address space of one of them as a picture
// and as a table, both of which follow the changes.
//
// Names of mappings and commands come from other processes and may hold any character. They are
// shown by `textContent` only, and `harmless` escapes what can't be seen.

// MARK: Text

const byID = (id) => document.getElementById(id);

/** An element with attributes and children, which are elements or text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Changes the text only if it differs, so that live regions and selections stay as they are. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** Text with everything escaped that isn't plainly visible, as maps-watch does. */
function harmless(text) {
  return text.replace(invisible, (character) => {
    const code = character.codePointAt(0);
    if (code < 0x80) return "\\" + code.toString(8).padStart(3, "0");
    return `\\u{${code.toString(16)}}`;
  });
}

/** Bytes in the unit that fits: `132 KiB`, `1.2 GiB`. */
function bytes(count) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let value = Number(count);
  let unit = 0;
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const tenths = Math.round(value * 10) / 10;
  const isWhole = tenths >= 100 || Number.isInteger(tenths);
  return `${isWhole ? Math.round(value) : tenths.toFixed(1)} ${units[unit]}`;
}

const grouped = (count) => count.toLocaleString("en-US");
const sign = (count) => (count < 0 ? "−" : count > 0 ? "+" : "");
const signedBytes = (count) => sign(count) + bytes(Math.abs(count));
const signed = (count) => sign(count) + grouped(Math.abs(count));
const counted = (count, one, many = one + "s") => `${grouped(count)} ${count === 1 ? one : many}`;

/** For ages that are shown all the time: no digits that change too fast to be read. */
function age(seconds) {
  if (seconds < 1) return "< 1 s";
  return seconds < 120 ? `${Math.floor(seconds)} s` : `${Math.floor(seconds / 60)} min`;
}

function timeOfDay(date = new Date()) {
  const two = (number) => String(number).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

const now = () => performance.now() / 1000;

// MARK: Mappings

/** The kinds of maps-watch, in its order. */
const kinds = {
  code: ["code", "Executable, and not writable"],
  data: ["data", "Private and writable, of a file: initialised variables"],
  heap: ["heap", "What brk manages"],
  stack: ["stack", "The main thread's stack"],
  anonymous: ["anonymous", "Private memory without a file"],
  file: ["file", "Private and readable, of a file"],
  shared: ["shared", "Shared with other processes and not executable, of a file or not"],
  reserved: ["no access", "Guard pages, and addresses that are kept for later"],
  kernel: ["kernel", "What the kernel puts into every process, such as [vdso]"],
  writableExecutable: ["writable and executable", "What an attacker looks for"],
};
const kindNames = Object.keys(kinds);

function kindOf({access, name, inode, device}) {
  if (access[1] === "w" && access[2] === "x") return "writableExecutable";
  if (name === "[heap]") return "heap";
  if (name === "[stack]") return "stack";
  if (name.startsWith("[") && !name.startsWith("[anon")) return "kernel";
  if (access.startsWith("---")) return "reserved";
  if (access[2] === "x") return "code";
  if (access[3] === "s") return "shared";
  const isOfFile = inode !== 0 || /[^0:]/.test(device) || name.startsWith("/");
  if (!isOfFile) return "anonymous";
  return access[1] === "w" ? "data" : "file";
}

/** A mapping of the answer: addresses become BigInts, the length a number. */
function parseMapping(json) {
  const start = BigInt("0x" + json.start);
  const end = BigInt("0x" + json.end);
  return {...json, start, end, size: Number(end - start), kind: kindOf(json)};
}

const hex = (address) => address.toString(16);
const compareAddresses = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const byStart = (a, b) => compareAddresses(a.start, b.start);
const rangeText = ({start, end}) => `${hex(start)}-${hex(end)}`;
const kindTitle = (mapping) => kinds[mapping.kind][0];

/** The mapping's line, as `/proc/PID/maps` has it. */
function lineOf(mapping) {
  const offset = String(mapping.offset).padStart(8, "0");
  const name = mapping.name === "" ? "" : " " + harmless(mapping.name);
  return `${rangeText(mapping)} ${mapping.access} ${offset} ${mapping.device} ${mapping.inode}`
    + name;
}

/** The index of the mapping that ends above an address. */
function indexOfAddress(mappings, address) {
  let [low, high] = [0, mappings.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (mappings[middle].end > address) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A name in two parts: of a long path the folder is cut off first, since its end tells more. */
function nameParts(name) {
  const text = harmless(name);
  const cut = text.startsWith("/") ? text.lastIndexOf("/") + 1 : 0;
  return [text.slice(0, cut), text.slice(cut)];
}

function nameElement(name) {
  const [folder, base] = nameParts(name);
  const title = folder + base;
  return make("span", {class: "path", dir: "ltr", title},
    make("span", {class: "folder"}, folder), make("span", {class: "base"}, base));
}

// MARK: Requests

class HTTPError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The stream has ended without `end`. */
class LostConnection extends Error {}

/** What was received doesn't fit together: the whole state is needed. */
class Inconsistent extends Error {}

const token = {
  key: "maps-server.token",
  question: null,

  get value() {
    return sessionStorage.getItem(this.key);
  },

  /** Asks for the token, once for all requests that wait for it; false if the user cancels. */
  ask(refused) {
    this.question ??= new Promise((resolve) => {
      const dialog = byID("token-dialog");
      setText(byID("token-text"), refused
        ? "The server has refused the token it was given."
        : "It was started with a token file, which holds the token.");
      byID("token").value = "";
      const finish = (answer) => {
        if (answer) sessionStorage.setItem(this.key, answer);
        this.question = null;
        resolve(Boolean(answer));
      };
      byID("token-cancel").onclick = () => dialog.close("");
      byID("token-form").onsubmit = (event) => {
        event.preventDefault();
        dialog.close(byID("token").value.trim());
      };
      dialog.addEventListener("close", () => finish(dialog.returnValue), {once: true});
      dialog.returnValue = "";
      dialog.showModal();
    });
    return this.question;
  },
};

/** A response that is fine; everything else is thrown. */
async function request(path, {headers = {}, signal} = {}) {
  for (;;) {
    const used = token.value;
    const all = used ? {...headers, Authorization: `Bearer ${used}`} : headers;
    const response = await fetch(path, {headers: all, signal, cache: "no-store"});
    if (response.ok) return response;
    if (response.status === 401) {
      // Another request may have got a new token in the meantime.
      if (token.value !== used || (await token.ask(Boolean(used)))) continue;
      throw new HTTPError(401, "a token is needed");
    }
    let message = `the server answered ${response.status}`;
    try {
      message = harmless((await response.json()).error) || message;
    } catch {
      // Not an answer of maps-server, but of something in between.
    }
    throw new HTTPError(response.status, message);
  }
}

async function requestJSON(path, signal) {
  const signals = [AbortSignal.timeout(15_000), ...(signal ? [signal] : [])];
  return (await request(path, {signal: AbortSignal.any(signals)})).json();
}

function isTransient(error) {
  if (error instanceof HTTPError) return error.status === 429 || error.status >= 500;
  return error.name !== "AbortError";
}

/** Told when the user, or the network, wants a retry right now. */
const wakeUp = new EventTarget();

/**
 * Runs a task again and again until it returns, waiting longer each time it fails soon. What can't
 * get better by waiting is thrown.
 */
async function persist(signal, task) {
  const [shortest, longest] = [0.5, 15];
  let delay = shortest;
  for (;;) {
    const begin = now();
    try {
      return await task();
    } catch (error) {
      if (signal.aborted || !isTransient(error)) throw error;
      const reason = error instanceof HTTPError ? error.message
        : error instanceof Inconsistent ? "changes were missed" : "connection lost";
      connection.show("retrying", `${reason}, trying again`);
    }
    if (now() - begin > longest) delay = shortest;
    // Not all pages at once when a server comes back.
    await connection.wait(delay * (0.75 + Math.random() / 2), signal);
    delay = Math.min(delay * 2, longest);
  }
}

/** How the connection is, at the top of the page. */
const connection = {
  show(state, text) {
    byID("connection").dataset.state = state;
    document.body.dataset.connection = state;
    setText(byID("connection-text"), text);
    byID("retry").hidden = state !== "retrying";
    byID("enter-token").hidden = state !== "unauthorized";
    setText(byID("connection-wait"), "");
  },

  /** What ended a view's stream for good. */
  showFailure(error) {
    if (error.status === 401) this.show("unauthorized", "a token is needed");
    else this.show("stopped", error.message || "failed");
  },

  async wait(seconds, signal) {
    const end = now() + seconds;
    const show = () => {
      const left = Math.max(0, Math.ceil(end - now()));
      setText(byID("connection-wait"), `in ${left} s`);
    };
    show();
    const timer = setInterval(show, 250);
    await new Promise((resolve) => {
      setTimeout(resolve, seconds * 1000);
      wakeUp.addEventListener("wake", resolve, {once: true});
      signal.addEventListener("abort", resolve, {once: true});
    });
    clearInterval(timer);
    signal.throwIfAborted();
    this.show("connecting", "connecting");
  },
};

// MARK: Server-Sent Events

/**
 * Takes the text of a stream in chunks, and calls back for each event.
 *
 * A state has megabytes in one line, so each character is looked at once only.
 */
class EventParser {
  constructor(onEvent) {
    this.onEvent = onEvent;
    this.unfinishedLine = [];
    this.endsInCarriageReturn = false;
    this.clear();
  }

  clear() {
    this.type = "message";
    this.data = [];
  }

  push(text) {
    let begin = 0;
    if (this.endsInCarriageReturn && text[0] === "\n") begin = 1;
    if (text !== "") this.endsInCarriageReturn = text.endsWith("\r");
    const lineEnd = /\r\n|\r|\n/g;
    lineEnd.lastIndex = begin;
    for (let match; (match = lineEnd.exec(text)) !== null; begin = lineEnd.lastIndex) {
      this.unfinishedLine.push(text.slice(begin, match.index));
      const line = this.unfinishedLine.join("");
      this.unfinishedLine = [];
      this.take(line);
    }
    if (begin < text.length) this.unfinishedLine.push(text.slice(begin));
  }

  take(line) {
    if (line === "") {
      if (this.data.length > 0) {
        this.onEvent({type: this.type, id: this.id, data: this.data.join("\n")});
      }
      this.clear();
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "event") this.type = value;
    else if (field === "data") this.data.push(value);
    else if (field === "id" && !value.includes("\0")) this.id = value;
  }
}

/**
 * The events of a stream. EventSource can't send a token, hence by `fetch`.
 *
 * @param onOpen called when the server has accepted, which it may long before the first event.
 */
async function* events(path, {lastEventID, signal, onOpen}) {
  const headers = {Accept: "text/event-stream"};
  if (lastEventID !== undefined) headers["Last-Event-ID"] = String(lastEventID);
  const response = await request(path, {headers, signal});
  onOpen();
  const received = [];
  const parser = new EventParser((event) => received.push(event));
  for await (const text of texts(response)) {
    parser.push(text);
    yield* received.splice(0);
  }
}

/** The text of a response, as it comes. */
async function* texts(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const {value, done} = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

// MARK: List of processes

class ListView {
  constructor() {
    this.processes = new Map();
    this.rows = new Map();
    this.maximumMapCount = null;
    this.stale = new Set();
    this.sort = {key: "pid", isDescending: false};
    this.isRunning = false;
    this.asOf = null;
    byID("list-filter").addEventListener("input", () => this.render());
    for (const head of document.querySelectorAll("#processes th")) {
      head.querySelector("button").addEventListener("click", () => this.sortBy(head.dataset.sort));
    }
    byID("processes").addEventListener("keydown", (event) => this.moveFocus(event));
    byID("process-rows").addEventListener("click", (event) => {
      const pid = event.target.closest("tr")?.dataset.pid;
      if (pid && !event.target.closest("a") && !event.ctrlKey && !event.metaKey
          && getSelection().isCollapsed) {
        location.hash = `#/${pid}`;
      }
    });
  }

  /** Follows the changes until the signal aborts it. */
  async run(signal) {
    // How often what has changed is asked for, and everything: ages and states change unnoticed.
    const [changeInterval, fullInterval] = [1000, 10_000];
    const flush = setInterval(() => this.reloadStale(signal), changeInterval);
    const full = setInterval(() => {
      if (!document.hidden) this.reloadAll(signal).catch(() => {});
    }, fullInterval);
    const ages = setInterval(() => this.showAges(), 1000);
    connection.show("connecting", "connecting");
    try {
      await persist(signal, async () => {
        await this.reloadAll(signal);
        const onOpen = () => connection.show("live", "connected");
        for await (const event of events("/changes", {signal, onOpen})) {
          if (event.type === "processes") this.take(JSON.parse(event.data));
        }
        throw new LostConnection();
      });
    } catch (error) {
      if (signal.aborted) return;
      connection.showFailure(error);
      if (this.asOf === null) setText(byID("list-empty"), `Nothing to show: ${error.message}.`);
    } finally {
      for (const timer of [flush, full, ages]) clearInterval(timer);
    }
  }

  take({started = [], changed = [], ended = []}) {
    for (const pid of ended) {
      this.stale.delete(pid);
      const process = this.processes.get(pid);
      if (!process) continue;
      process.state = process.state === "detached" ? "detached" : "exited";
      process.hasEnded = true;
      // Long enough to see which it was.
      setTimeout(() => {
        if (this.processes.get(pid) === process) this.processes.delete(pid);
        this.renderSoon();
      }, 5000);
    }
    // A number may have ended and started again.
    for (const pid of started) {
      if (this.processes.get(pid)?.hasEnded ?? true) this.stale.add(pid);
    }
    for (const pid of changed) this.stale.add(pid);
    this.renderSoon();
  }

  async reloadAll(signal) {
    const answer = await requestJSON("/processes", signal);
    this.maximumMapCount = answer.maximumMapCount ?? null;
    const ended = [...this.processes.values()].filter((process) => process.hasEnded);
    this.processes = new Map(ended.map((process) => [process.pid, process]));
    this.stale.clear();
    for (const process of answer.processes) this.store(process);
    this.asOf = now();
    this.render();
  }

  store(process) {
    process.asOf = now();
    this.processes.set(process.pid, process);
  }

  /** Asks for what has changed: one by one, or, if that is much, all at once. */
  async reloadStale(signal) {
    const mostAtOnce = 8;
    if (this.stale.size === 0 || this.isReloading || document.hidden) return;
    this.isReloading = true;
    try {
      if (this.stale.size > mostAtOnce) {
        await this.reloadAll(signal);
        return;
      }
      const pids = [...this.stale];
      this.stale.clear();
      await Promise.all(pids.map(async (pid) => {
        try {
          this.store(await requestJSON(`/processes/${pid}`, signal));
        } catch (error) {
          if (error.status === 404) this.processes.delete(pid);
          else this.stale.add(pid);
        }
      }));
      this.renderSoon();
    } catch {
      // The stream notices it, too.
    } finally {
      this.isReloading = false;
    }
  }

  renderSoon() {
    this.frame ??= requestAnimationFrame(() => this.render());
  }

  sortBy(key) {
    const isNumber = !["pid", "command", "state"].includes(key);
    const isDescending = this.sort.key === key ? !this.sort.isDescending : isNumber;
    this.sort = {key, isDescending};
    this.render();
  }

  /** The processes to show, in their order. */
  sorted() {
    const words = byID("list-filter").value.toLowerCase().split(/\s+/);
    const shown = [...this.processes.values()].filter((process) => {
      const text = `${process.pid} ${process.command} ${process.state} ${process.kind}`
        .toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const {key, isDescending} = this.sort;
    return shown.sort((a, b) => {
      const [x, y] = isDescending ? [b[key], a[key]] : [a[key], b[key]];
      const order = typeof x === "string" ? x.localeCompare(y) : x - y;
      return order || a.pid - b.pid;
    });
  }

  render() {
    if (this.frame) cancelAnimationFrame(this.frame);
    this.frame = null;
    const shown = this.sorted();
    for (const head of document.querySelectorAll("#processes th")) {
      const order = this.sort.isDescending ? "descending" : "ascending";
      head.setAttribute("aria-sort", head.dataset.sort === this.sort.key ? order : "none");
    }
    const focused = document.activeElement;
    const body = byID("process-rows");
    const kept = new Set(shown.map((process) => process.pid));
    for (const [pid, row] of this.rows) {
      if (!kept.has(pid)) {
        row.remove();
        this.rows.delete(pid);
      }
    }
    let place = body.firstChild;
    for (const process of shown) {
      const row = this.row(process);
      if (row === place) place = place.nextSibling;
      else body.insertBefore(row, place);
    }
    // An element that has been moved has lost the focus.
    if (focused !== document.activeElement && focused?.isConnected) focused.focus();
    const all = this.processes.size;
    setText(byID("list-count"), this.asOf === null ? "" : shown.length === all
      ? counted(all, "process", "processes") : `${grouped(shown.length)} of ${grouped(all)}`);
    byID("list-empty").hidden = shown.length > 0;
    setText(byID("list-empty"), all > 0
      ? "No process matches." : this.asOf === null
        ? "Loading …" : "There are no processes that the server may read.");
    this.showAges();
  }

  /** The row of a process, filled in. */
  row(process) {
    let row = this.rows.get(process.pid);
    if (!row) {
      // With roles, since a narrow screen lays them out as something else than a table.
      const cell = (name, ...parts) => make("td", {class: name, role: "cell"}, ...parts);
      row = make("tr", {"data-pid": process.pid, role: "row"},
        cell("pid number", String(process.pid)),
        cell("command", make("a", {href: `#/${process.pid}`, dir: "ltr"})),
        cell("mappings", make("span", {class: "bar", "aria-hidden": "true"},
          make("span", {class: "fill"})), make("span", {class: "count"})),
        cell("mapped number"),
        cell("warning number"),
        cell("state", make("span", {class: "badge"}), " ", make("span", {class: "faint age"})));
      this.rows.set(process.pid, row);
    }
    const [, command, mappings, mapped, warning, state] = row.cells;
    row.dataset.state = process.state;
    const link = command.firstChild;
    setText(link, harmless(process.command) || "(no name)");
    link.title = link.textContent;
    showBar(mappings.querySelector(".bar"), process.mappings, this.maximumMapCount);
    setText(mappings.querySelector(".count"), grouped(process.mappings));
    setText(mapped, bytes(process.mappedBytes));
    const isBad = process.writableExecutableBytes > 0;
    setText(warning, isBad ? `⚠ ${bytes(process.writableExecutableBytes)}` : "");
    warning.title = isBad ? "Memory that is writable and executable" : "";
    setState(state.firstChild, process);
    return row;
  }

  showAges() {
    const time = now();
    if (this.asOf !== null) setText(byID("list-age"), `loaded ${age(time - this.asOf)} ago`);
    for (const [pid, row] of this.rows) {
      const process = this.processes.get(pid);
      if (process) setText(row.querySelector(".age"), freshness(process));
    }
  }

  /** Up and down go from process to process. */
  moveFocus(event) {
    const row = event.target.closest("tbody tr");
    if (!row) return;
    const next = {
      ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling,
      Home: row.parentElement.firstElementChild, End: row.parentElement.lastElementChild,
    }[event.key];
    if (!next) return;
    event.preventDefault();
    next.querySelector("a").focus();
  }
}

/** How many of the mappings that the kernel allows there are. */
function showBar(bar, count, maximum) {
  const share = maximum ? Math.min(1, count / maximum) : 0;
  bar.firstChild.style.width = `${(share * 100).toFixed(2)}%`;
  bar.dataset.level = share > 0.9 ? "critical" : share > 0.75 ? "high" : "normal";
  bar.title = maximum ? `${grouped(count)} of ${counted(maximum, "mapping")}` : "";
}

function setState(badge, process) {
  badge.dataset.state = process.state;
  setText(badge, process.state);
  badge.title = {
    live: "The answers follow the process",
    contended: "The process changes faster than it can be read",
    exited: "The process has exited: this is what was last seen",
    detached: "The process has taken its maps back: this is what was last seen",
  }[process.state] ?? "";
}

/** How old the answers are: when it was last verified that they are true. */
function freshness(process) {
  if (process.hasEnded || ["exited", "detached"].includes(process.state)) return "as last seen";
  if (process.unverifiedSeconds === null || process.unverifiedSeconds === undefined) {
    return "by its own account";
  }
  return `${age(process.unverifiedSeconds + now() - process.asOf)} ago`;
}

// MARK: Address space

/** The mappings of a process at one instant; a change makes a new array. */
class AddressSpace {
  constructor({generation, mappings}) {
    this.generation = generation;
    this.mappings = mappings.map(parseMapping);
  }

  /**
   * Goes on to the next instant.
   *
   * @returns what was removed and added, in the order of addresses.
   * @throws Inconsistent if the difference isn't one from this instant.
   */
  apply(difference) {
    if (difference.from !== this.generation) throw new Inconsistent();
    const removed = difference.removed.map(parseMapping).sort(byStart);
    const added = difference.added.map(parseMapping).sort(byStart);
    const result = [];
    let end = 0n;
    const append = (mapping) => {
      if (mapping.start < end) throw new Inconsistent();
      end = mapping.end;
      result.push(mapping);
    };
    let [nextRemoved, nextAdded] = [0, 0];
    for (const mapping of this.mappings) {
      if (removed[nextRemoved]?.start === mapping.start) {
        if (removed[nextRemoved].end !== mapping.end) throw new Inconsistent();
        nextRemoved += 1;
        continue;
      }
      while (nextAdded < added.length && added[nextAdded].start < mapping.start) {
        append(added[nextAdded++]);
      }
      append(mapping);
    }
    if (nextRemoved < removed.length) throw new Inconsistent();
    while (nextAdded < added.length) append(added[nextAdded++]);
    this.mappings = result;
    this.generation = difference.to;
    return {removed, added};
  }
}

// MARK: Layout of the picture

/**
 * The rows of the picture, each a part of the address space drawn to a scale of its own.
 *
 * A hole is cut out that is longer than all that is mapped in its row together, as in maps-watch,
 * and much longer than all memory of the process: small mappings that are spread over some area
 * stay in one row. A mapping that is much longer than all others of its row gets a row of its own,
 * so that a reservation of a terabyte doesn't make everything near it invisible.
 */
function rowsOf(mappings) {
  const [mostByHoles, most, dominance] = [10, 14, 8];
  if (mappings.length === 0) return [];
  let memory = 0;
  for (const {kind, size} of mappings) if (kind !== "reserved") memory += size;
  const holes = new Float64Array(mappings.length);
  for (let i = 1; i < mappings.length; i += 1) {
    holes[i] = Number(mappings[i].start - mappings[i - 1].end);
  }
  const part = (first, last) => {
    const row = {first, last, mapped: 0, hole: first, longest: first};
    for (let i = first; i < last; i += 1) {
      row.mapped += mappings[i].size;
      if (i > first && (row.hole === first || holes[i] > holes[row.hole])) row.hole = i;
      if (mappings[i].size > mappings[row.longest].size) row.longest = i;
    }
    row.holeBytes = row.hole === first ? 0 : holes[row.hole];
    row.longestBytes = mappings[row.longest].size;
    return row;
  };
  const rows = [part(0, mappings.length)];
  const split = (limit, bytesOf, isWorthIt, edgesOf) => {
    while (rows.length < limit) {
      const row = rows.filter(isWorthIt).sort((a, b) => bytesOf(b) - bytesOf(a))[0];
      if (!row) return;
      const edges = [row.first, ...edgesOf(row), row.last];
      const parts = [];
      for (let i = 1; i < edges.length; i += 1) {
        if (edges[i - 1] < edges[i]) parts.push(part(edges[i - 1], edges[i]));
      }
      rows.splice(rows.indexOf(row), 1, ...parts);
    }
  };
  split(mostByHoles, (row) => row.holeBytes,
    (row) => row.holeBytes > Math.max(row.mapped, 4 * memory), (row) => [row.hole]);
  split(most, (row) => row.longestBytes,
    (row) => row.last - row.first > 1 && row.longestBytes > memory / 2
      && row.longestBytes > dominance * (row.mapped - row.longestBytes),
    (row) => [row.longest, row.longest + 1]);
  return rows.map(({first, last, mapped}) => finishedRow(mappings, first, last, mapped));
}

/** Offsets from the start of the row are numbers: exact up to 8 PiB. */
function finishedRow(mappings, first, last, mapped) {
  const start = mappings[first].start;
  const length = Number(mappings[last - 1].end - start);
  const starts = new Float64Array(last - first);
  const ends = new Float64Array(last - first);
  for (let i = first; i < last; i += 1) {
    starts[i - first] = Number(mappings[i].start - start);
    ends[i - first] = starts[i - first] + mappings[i].size;
  }
  const holeBefore = start - (first === 0 ? 0n : mappings[first - 1].end);
  return {
    first, last, mapped, start, length, starts, ends, holeBefore,
    end: mappings[last - 1].end,
    // The part that is shown, as offsets.
    from: 0, to: length,
  };
}

/** The first index of an ascending array whose number is above a number. */
function firstAbove(numbers, number) {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] > number) high = middle;
    else low = middle + 1;
  }
  return low;
}

// MARK: Picture

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/** The address space to scale, on a canvas. */
class Picture {
  static captionHeight = 20;
  static barHeight = 28;
  static rowHeight = 58;
  static shortestView = 16_384;
  static flashSeconds = 1.6;
  static steadySeconds = 5;
  static maximumFlashes = 2000;

  /** @param owner is told what is selected, by `select(mapping)`. */
  constructor(owner) {
    this.owner = owner;
    this.canvas = byID("picture");
    this.context = this.canvas.getContext("2d");
    this.shownKinds = new Set();
    this.clear();
    const redraw = () => this.redrawSoon();
    new ResizeObserver(redraw).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    for (const event of ["focus", "blur"]) this.canvas.addEventListener(event, redraw);
    this.listen();
  }

  clear() {
    this.mappings = [];
    this.rows = [];
    this.current = 0;
    this.hovered = null;
    this.flashes = [];
    this.tallest = 0;
    this.tallestUntil = 0;
    this.describe();
    this.redrawSoon();
  }

  /** Shows other mappings, and keeps what is zoomed in. */
  show(mappings) {
    const zoomed = this.rows.filter((row) => this.isZoomed(row));
    const current = this.rows[this.current];
    this.mappings = mappings;
    this.rows = rowsOf(mappings);
    for (const old of zoomed) {
      const [from, to] = [Number(old.start) + old.from, Number(old.start) + old.to];
      const row = this.rows.find((row) => Number(row.start) < to && Number(row.end) > from);
      if (!row || this.isZoomed(row)) continue;
      const shift = Number(old.start - row.start);
      this.setView(row, old.from + shift, old.to + shift);
    }
    const same = this.rows.findIndex((row) => current && row.end > current.start);
    this.current = Math.max(0, same);
    this.hovered = null;
    this.redrawSoon();
  }

  /** Highlights for a moment what has changed. */
  flash(removed, added) {
    const until = now() + Picture.flashSeconds;
    for (const mapping of removed) this.flashes.push({mapping, until, isAdded: false});
    for (const mapping of added) this.flashes.push({mapping, until, isAdded: true});
    this.flashes.splice(0, this.flashes.length - Picture.maximumFlashes);
    this.redrawSoon();
  }

  // MARK: View

  isZoomed(row) {
    return row.from > 0 || row.to < row.length;
  }

  setView(row, from, to) {
    const length = Math.min(row.length, Math.max(to - from, Picture.shortestView));
    row.from = Math.max(0, Math.min(from, row.length - length));
    row.to = row.from + length;
    this.redrawSoon();
  }

  /** @param anchor which part of the width stays where it is, from 0 to 1. */
  zoom(factor, anchor = 0.5, row = this.rows[this.current]) {
    if (!row) return;
    const shown = row.to - row.from;
    const length = Math.min(row.length, Math.max(shown / factor, Picture.shortestView));
    const from = row.from + anchor * (shown - length);
    this.setView(row, from, from + length);
  }

  pan(share, row = this.rows[this.current]) {
    if (!row) return;
    const step = share * (row.to - row.from);
    this.setView(row, row.from + step, row.to + step);
  }

  reset() {
    for (const row of this.rows) this.setView(row, 0, row.length);
  }

  rowIndexOf(mapping) {
    return this.rows.findIndex((row) => mapping.start >= row.start && mapping.end <= row.end);
  }

  /** Brings a mapping into view, and, if asked, in such a size that it can be seen. */
  reveal(mapping, {magnifies}) {
    const index = this.rowIndexOf(mapping);
    if (index < 0) return;
    this.current = index;
    const row = this.rows[index];
    const start = Number(mapping.start - row.start);
    const end = start + mapping.size;
    const shown = row.to - row.from;
    const pixels = mapping.size / shown * this.canvas.clientWidth;
    if (magnifies && pixels < 12) {
      const length = Math.min(row.length, mapping.size * 16);
      const from = start + mapping.size / 2 - length / 2;
      this.setView(row, from, from + length);
    } else if (end <= row.from || start >= row.to) {
      const from = start + mapping.size / 2 - shown / 2;
      this.setView(row, from, from + shown);
    }
    this.redrawSoon();
  }

  // MARK: Drawing

  redrawSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const {canvas, context, rows} = this;
    const width = canvas.clientWidth;
    if (width === 0) return;
    const time = now();
    // It gets lower only after a while: what is below it would jump with each change.
    if (rows.length >= this.tallest || time > this.tallestUntil) {
      this.tallest = Math.max(1, rows.length);
      this.tallestUntil = time + Picture.steadySeconds;
    }
    const height = this.tallest * Picture.rowHeight;
    const scale = devicePixelRatio;
    if (canvas.width !== Math.round(width * scale)
        || canvas.height !== Math.round(height * scale)) {
      canvas.style.height = `${height}px`;
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    this.width = width;
    this.colors = this.readColors();
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    this.flashes = this.flashes.filter((flash) => flash.until > time);
    rows.forEach((row, index) => this.drawRow(row, index));
    this.describe();
    if (this.flashes.length === 0) return;
    if (reducedMotion.matches) setTimeout(() => this.redrawSoon(), 200);
    else this.redrawSoon();
  }

  readColors() {
    const style = getComputedStyle(this.canvas);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    const colors = {font: style.fontFamily};
    for (const name of ["page", "text", "faint", "hole", "accent", "added", "removed"]) {
      colors[name] = color(name);
    }
    for (const kind of kindNames) colors[kind] = color(kind);
    return colors;
  }

  /** For tests and assistive technology: what the canvas shows. */
  describe() {
    const {dataset} = this.canvas;
    const row = this.rows[this.current];
    dataset.rows = this.rows.length;
    dataset.mappings = this.mappings.length;
    dataset.row = this.current;
    dataset.flashes = this.flashes.length;
    dataset.selected = this.owner.selected ? hex(this.owner.selected.start) : "";
    dataset.view = row
      ? `${hex(row.start + BigInt(Math.round(row.from)))}-`
        + hex(row.start + BigInt(Math.round(row.to)))
      : "";
    dataset.zoom = row ? (row.length / (row.to - row.from)).toFixed(2) : "";
  }

  barTop(index) {
    return index * Picture.rowHeight + Picture.captionHeight;
  }

  drawRow(row, index) {
    const {context, colors, width} = this;
    const top = this.barTop(index);
    context.fillStyle = colors.hole;
    context.fillRect(0, top, width, Picture.barHeight);
    const pixels = width / (row.to - row.from);
    const x = (offset) => (offset - row.from) * pixels;
    this.drawMappings(row, top, x);
    this.drawCaption(row, index);
    const bottom = top + Picture.barHeight;
    if (this.isZoomed(row)) {
      context.fillStyle = colors.hole;
      context.fillRect(0, bottom + 3, width, 3);
      context.fillStyle = colors.accent;
      const thumb = Math.max(3, width * (row.to - row.from) / row.length);
      const left = Math.min(width * row.from / row.length, width - thumb);
      context.fillRect(left, bottom + 3, thumb, 3);
    }
    if (index === this.current && document.activeElement === this.canvas) {
      context.strokeStyle = colors.accent;
      context.lineWidth = 2;
      context.strokeRect(1, top - 2, width - 2, Picture.barHeight + 4);
    }
    for (const flash of this.flashes) this.drawFlash(flash, row, top, x);
    const {selected} = this.owner;
    if (this.hovered) this.outline(this.hovered, row, top, x, colors.text, 1);
    if (selected) this.outline(selected, row, top, x, colors.text, 2);
  }

  /**
   * Mappings of a pixel or more are rectangles. For the others, each column of pixels shows the
   * longest of its mappings, or one that is writable and executable, so that 50,000 of them take
   * no more rectangles than the bar has columns.
   */
  drawMappings(row, top, x) {
    const {context, colors, mappings} = this;
    const scale = devicePixelRatio;
    const columns = new Array(Math.ceil(this.width * scale) + 1);
    const last = row.starts.length;
    const labels = [];
    for (let i = firstAbove(row.ends, row.from); i < last && row.starts[i] < row.to; i += 1) {
      const mapping = mappings[row.first + i];
      const left = Math.max(-1, x(row.starts[i]));
      const right = Math.min(this.width + 1, x(row.ends[i]));
      const isBad = mapping.kind === "writableExecutable";
      if ((right - left) * scale < 1 || (isBad && right - left < 3)) {
        const column = Math.max(0, Math.floor(left * scale));
        const other = columns[column];
        if (!other || isBad
            || (other.kind !== "writableExecutable" && mapping.size > other.size)) {
          columns[column] = mapping;
        }
        continue;
      }
      const begin = Math.round(left * scale) / scale;
      const end = Math.max(begin + 1 / scale, Math.round(right * scale) / scale);
      context.globalAlpha = this.isShown(mapping) ? 1 : 0.15;
      context.fillStyle = colors[mapping.kind];
      context.fillRect(begin, top, end - begin, Picture.barHeight);
      if (end - begin >= 4 && i > 0 && row.ends[i - 1] === row.starts[i]) {
        context.globalAlpha = 1;
        context.fillStyle = colors.page;
        context.fillRect(begin, top, 1 / scale, Picture.barHeight);
      }
      if (end - begin >= 40) labels.push([mapping, begin, end]);
    }
    for (let column = 0; column < columns.length; column += 1) {
      const mapping = columns[column];
      if (!mapping) continue;
      // What must not be overlooked is wider than a pixel.
      const wide = mapping.kind === "writableExecutable" ? 3 : 1 / scale;
      const begin = Math.min(column / scale, this.width - wide);
      context.globalAlpha = this.isShown(mapping) ? 1 : 0.15;
      context.fillStyle = colors[mapping.kind];
      context.fillRect(begin, top, wide, Picture.barHeight);
    }
    context.globalAlpha = 1;
    for (const label of labels) this.drawLabel(...label, top);
  }

  isShown(mapping) {
    return this.shownKinds.size === 0 || this.shownKinds.has(mapping.kind);
  }

  drawLabel(mapping, begin, end, top) {
    const {context, colors} = this;
    if (!this.isShown(mapping)) return;
    const left = Math.max(0, begin) + 5;
    const room = Math.min(end, this.width) - left - 4;
    context.font = `12px ${colors.font}`;
    context.textAlign = "left";
    const text = nameParts(mapping.name)[1] || kindTitle(mapping);
    if (text.length > 200 || context.measureText(text).width > room) return;
    context.fillStyle = readableOn(colors[mapping.kind]);
    context.fillText(text, left, top + Picture.barHeight / 2 + 4);
  }

  drawCaption(row, index) {
    const {context, colors, width} = this;
    const baseline = this.barTop(index) - 6;
    context.font = `12px ${colors.font}`;
    context.fillStyle = colors.text;
    // The pages at the edges, since nothing begins within a page.
    const page = 4096;
    const left = hex(row.start + BigInt(Math.floor(row.from / page) * page));
    const right = hex(row.start + BigInt(Math.ceil(row.to / page) * page));
    context.textAlign = "left";
    context.fillText(left, 0, baseline);
    context.textAlign = "right";
    context.fillText(right, width, baseline);
    const room = width - 24
      - 2 * Math.max(context.measureText(left).width, context.measureText(right).width);
    const hole = row.holeBefore > 0n ? bytes(row.holeBefore) : "";
    const length = this.isZoomed(row)
      ? `${bytes(row.to - row.from)} of ${bytes(row.length)}` : bytes(row.length);
    const [first, last] = [firstAbove(row.ends, row.from), firstAbove(row.starts, row.to)];
    const count = counted(last - first, "mapping");
    const candidates = [
      `${length}, ${count}${hole && `, after a hole of ${hole}`}`,
      `${length}${hole && `, after a hole of ${hole}`}`,
      hole ? `⋮ ${hole} ⋮` : length,
    ];
    const text = candidates.find((text) => context.measureText(text).width <= room);
    if (!text) return;
    context.fillStyle = colors.faint;
    context.textAlign = "center";
    context.fillText(text, width / 2, baseline);
  }

  /** Where a mapping is in a row; nothing if it can't be seen there. */
  extent(mapping, row, x) {
    if (mapping.end <= row.start || mapping.start >= row.end) return null;
    const start = Number(mapping.start - row.start);
    const [from, to] = [Math.max(start, row.from), Math.min(start + mapping.size, row.to)];
    return from < to ? [x(from), x(to)] : null;
  }

  outline(mapping, row, top, x, color, lineWidth) {
    const extent = this.extent(mapping, row, x);
    if (!extent) return;
    const {context} = this;
    const [left, right] = extent;
    context.lineWidth = lineWidth;
    context.strokeStyle = color;
    const wide = Math.max(right - left, 4);
    const begin = Math.min(Math.max(left - (wide - (right - left)) / 2, 1), this.width - wide - 1);
    context.strokeRect(begin, top - 1, wide, Picture.barHeight + 2);
    if (lineWidth < 2) return;
    // A pointer below, which shows where something is that is one pixel wide.
    const [middle, bottom] = [begin + wide / 2, top + Picture.barHeight + 1];
    context.fillStyle = color;
    context.beginPath();
    context.moveTo(middle, bottom);
    context.lineTo(middle - 5, bottom + 8);
    context.lineTo(middle + 5, bottom + 8);
    context.fill();
  }

  drawFlash({mapping, until, isAdded}, row, top, x) {
    const extent = this.extent(mapping, row, x);
    if (!extent) return;
    const {context, colors} = this;
    const [left, right] = extent;
    const wide = Math.max(right - left, 3);
    const share = Math.max(0, (until - now()) / Picture.flashSeconds);
    context.globalAlpha = reducedMotion.matches ? 1 : Math.min(1, share * 1.5);
    context.lineWidth = 3;
    context.strokeStyle = isAdded ? colors.added : colors.removed;
    context.setLineDash(isAdded ? [] : [4, 3]);
    context.strokeRect(left - 1, top - 2, wide + 2, Picture.barHeight + 4);
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  // MARK: Pointing

  /** The row and the mapping, or the hole, at a point of the canvas. */
  hit(event) {
    const box = this.canvas.getBoundingClientRect();
    const index = Math.floor((event.clientY - box.top) / Picture.rowHeight);
    const row = this.rows[index];
    if (!row) return null;
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const isInBar = event.clientY - box.top >= this.barTop(index) - 4;
    return {index, row, share, isInBar, ...this.at(row, share)};
  }

  /** What is at a part of the width: a mapping within three pixels, or else a hole. */
  at(row, share) {
    const shown = row.to - row.from;
    const offset = Math.min(row.from + share * shown, row.length - 1);
    const i = firstAbove(row.ends, offset);
    const slack = 3 * shown / this.canvas.clientWidth;
    const distance = (j) => (j < 0 || j >= row.starts.length ? Infinity
      : Math.max(row.starts[j] - offset, offset - row.ends[j], 0));
    const nearest = distance(i - 1) < distance(i) ? i - 1 : i;
    if (distance(nearest) <= slack) return {mapping: this.mappings[row.first + nearest]};
    return {hole: [row.start + BigInt(row.ends[i - 1]), row.start + BigInt(row.starts[i])]};
  }

  listen() {
    const {canvas} = this;
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("wheel", (event) => this.wheel(event), {passive: false});
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("pointercancel", () => { this.drag = null; });
    canvas.addEventListener("pointerleave", () => this.hover(null));
    canvas.addEventListener("dblclick", (event) => {
      const hit = this.hit(event);
      if (hit) this.zoom(4, hit.share, hit.row);
    });
    const buttons = {
      "zoom-in": () => this.zoom(2), "zoom-out": () => this.zoom(0.5),
      "pan-left": () => this.pan(-0.25), "pan-right": () => this.pan(0.25),
      "zoom-reset": () => this.reset(),
    };
    for (const [id, action] of Object.entries(buttons)) byID(id).addEventListener("click", action);
  }

  /**
   * The wheel zooms; sideways it pans. While the page itself can scroll, it does so only when the
   * picture has the focus, or with Control.
   */
  wheel(event) {
    const root = document.documentElement;
    const canScroll = root.scrollHeight > root.clientHeight;
    const isMeant = event.ctrlKey || document.activeElement === this.canvas || !canScroll;
    const hit = this.hit(event);
    if (!isMeant || !hit) return;
    event.preventDefault();
    this.current = hit.index;
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const delta = (event.deltaX || event.deltaY) * lines;
      this.pan(delta / this.canvas.clientWidth, hit.row);
    } else {
      const delta = Math.max(-300, Math.min(300, event.deltaY * lines));
      this.zoom(Math.pow(1.0025, -delta), hit.share, hit.row);
    }
  }

  press(event) {
    const hit = this.hit(event);
    if (!hit || event.button !== 0) return;
    this.current = hit.index;
    this.drag = {row: hit.row, x: event.clientX, from: hit.row.from, hasMoved: false};
    this.canvas.setPointerCapture(event.pointerId);
    this.redrawSoon();
  }

  move(event) {
    if (!this.drag) {
      this.hover(this.hit(event));
      return;
    }
    const {row, x, from} = this.drag;
    const distance = event.clientX - x;
    if (Math.abs(distance) < 4 && !this.drag.hasMoved) return;
    this.drag.hasMoved = true;
    // A change may have replaced the row meanwhile.
    if (!this.rows.includes(row)) return;
    const shown = row.to - row.from;
    const begin = from - distance / this.canvas.clientWidth * shown;
    this.setView(row, begin, begin + shown);
  }

  release(event) {
    const wasClick = this.drag && !this.drag.hasMoved;
    this.drag = null;
    if (!wasClick) return;
    const hit = this.hit(event);
    if (hit?.mapping && hit.isInBar) this.owner.select(hit.mapping, "picture");
  }

  hover(hit) {
    this.hovered = hit?.isInBar ? hit.mapping ?? null : null;
    this.owner.showLine(this.hovered, hit?.isInBar ? hit.hole : null);
    this.redrawSoon();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const {mappings, owner} = this;
    const step = (count) => {
      const at = owner.selectedIndex();
      const first = this.rows[this.current]?.first ?? 0;
      const next = at < 0 ? first : Math.min(mappings.length - 1, Math.max(0, at + count));
      if (mappings[next]) owner.select(mappings[next], "keyboard");
    };
    const row = (count) => {
      this.current = Math.max(0, Math.min(this.rows.length - 1, this.current + count));
      this.redrawSoon();
    };
    const actions = {
      "+": () => this.zoom(2), "=": () => this.zoom(2), "-": () => this.zoom(0.5),
      "_": () => this.zoom(0.5), "0": () => this.reset(),
      ArrowLeft: () => this.pan(-0.2), ArrowRight: () => this.pan(0.2),
      ArrowUp: () => row(-1), ArrowDown: () => row(1),
      ",": () => step(-1), ".": () => step(1),
      Home: () => mappings.length && owner.select(mappings[0], "keyboard"),
      End: () => mappings.length && owner.select(mappings.at(-1), "keyboard"),
      Enter: () => owner.selected && this.reveal(owner.selected, {magnifies: true}),
      Escape: () => owner.select(null),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}

/** Black or white, whichever can be read better on a colour `#rrggbb`. */
function readableOn(color) {
  const channel = (at) => {
    const value = parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const luminance = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
  return (luminance + 0.05) ** 2 > 1.05 * 0.05 ? "#000000" : "#ffffff";
}

// MARK: Table of mappings

/** The mappings as a grid, of which only the rows in sight are elements. */
class MappingTable {
  static rowHeight = 26;
  static overscan = 8;

  constructor(owner) {
    this.owner = owner;
    this.grid = byID("mappings");
    this.body = byID("mappings-rows");
    this.rows = new Map();
    this.shown = [];
    this.recent = new Map();
    this.grid.addEventListener("scroll", () => this.renderSoon(), {passive: true});
    new ResizeObserver(() => this.renderSoon()).observe(this.grid);
    this.grid.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("[data-index]");
      if (row) owner.select(this.shown[Number(row.dataset.index)], "table");
    });
    this.body.addEventListener("pointerover", (event) => {
      const row = event.target.closest("[data-index]");
      if (row) owner.hoverInTable(this.shown[Number(row.dataset.index)]);
    });
    this.grid.addEventListener("pointerleave", () => owner.hoverInTable(null));
  }

  /** @param shown the mappings to show, ascending; `total` counts those that there are. */
  show(shown, total) {
    this.shown = shown;
    this.grid.setAttribute("aria-rowcount", shown.length + 1);
    this.grid.dataset.count = shown.length;
    setText(byID("mappings-count"), shown.length === total
      ? grouped(total) : `${grouped(shown.length)} of ${grouped(total)}`);
    this.body.style.height = `${shown.length * MappingTable.rowHeight}px`;
    this.renderSoon();
  }

  /** Marks mappings as new for a moment. */
  flash(added) {
    const until = now() + Picture.flashSeconds;
    for (const mapping of added.slice(0, Picture.maximumFlashes)) this.recent.set(mapping, until);
    this.renderSoon();
  }

  renderSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.render();
    });
  }

  render() {
    const {grid, body, shown} = this;
    const {rowHeight, overscan} = MappingTable;
    const first = Math.max(0, Math.floor(grid.scrollTop / rowHeight) - overscan);
    const last = Math.min(shown.length,
      Math.ceil((grid.scrollTop + grid.clientHeight) / rowHeight) + overscan);
    const spare = [];
    for (const [index, row] of this.rows) {
      if (index >= first && index < last) continue;
      spare.push(row);
      this.rows.delete(index);
    }
    const time = now();
    for (const [mapping, until] of this.recent) {
      if (until <= time) this.recent.delete(mapping);
    }
    for (let index = first; index < last; index += 1) {
      let row = this.rows.get(index);
      if (!row) {
        row = spare.pop() ?? this.newRow();
        if (!row.isConnected) body.append(row);
        this.rows.set(index, row);
      }
      this.fill(row, index);
    }
    for (const row of spare) row.remove();
    this.markActive();
    if (this.recent.size > 0) setTimeout(() => this.renderSoon(), 250);
  }

  newRow() {
    const cell = (name) => make("span", {role: "gridcell", class: name});
    return make("div", {class: "row", role: "row"},
      cell("range"), cell("size"), cell("access"), cell("kind"), cell("offset"), cell("file"),
      cell("name"));
  }

  fill(row, index) {
    const mapping = this.shown[index];
    const isSelected = this.owner.selected === mapping;
    row.setAttribute("aria-selected", isSelected);
    row.classList.toggle("recent", this.recent.has(mapping));
    if (row.mapping === mapping && row.dataset.index === String(index)) return;
    row.mapping = mapping;
    row.style.transform = `translateY(${index * MappingTable.rowHeight}px)`;
    row.dataset.index = index;
    row.dataset.start = hex(mapping.start);
    row.dataset.kind = mapping.kind;
    row.id = `mapping-${row.dataset.start}`;
    row.setAttribute("aria-rowindex", index + 2);
    const [range, size, access, kind, offset, file, name] = row.children;
    setText(range, rangeText(mapping));
    setText(size, bytes(mapping.size));
    setText(access, mapping.access);
    setText(kind, mapping.kind === "writableExecutable" ? "write+exec" : kindTitle(mapping));
    setText(offset, mapping.offset);
    setText(file, mapping.inode ? `${mapping.device} ${mapping.inode}` : "");
    name.replaceChildren(nameElement(mapping.name));
  }

  markActive() {
    const {selected} = this.owner;
    const id = selected ? `mapping-${hex(selected.start)}` : "";
    if (id && byID(id)) this.grid.setAttribute("aria-activedescendant", id);
    else this.grid.removeAttribute("aria-activedescendant");
  }

  indexOf(mapping) {
    const index = indexOfAddress(this.shown, mapping.start);
    return this.shown[index] === mapping ? index : -1;
  }

  reveal(mapping) {
    const index = this.indexOf(mapping);
    if (index < 0) return;
    const {rowHeight} = MappingTable;
    const {grid} = this;
    const top = index * rowHeight;
    const room = grid.clientHeight - byID("mappings-head").offsetHeight;
    if (top < grid.scrollTop || top + rowHeight > grid.scrollTop + room) {
      const isNear = Math.abs(top - grid.scrollTop) < 2 * room;
      if (!isNear) grid.scrollTop = top - room / 2;
      else grid.scrollTop = top < grid.scrollTop ? top : top + rowHeight - room;
    }
    this.renderSoon();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.shown.length === 0) return;
    const {selected} = this.owner;
    const at = selected ? this.indexOf(selected) : -1;
    const page = Math.max(1, Math.floor(this.grid.clientHeight / MappingTable.rowHeight) - 2);
    const last = this.shown.length - 1;
    const next = {
      ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0,
      End: last,
    }[event.key];
    if (event.key === "Enter" && selected) this.owner.magnify(selected);
    else if (event.key === "Escape") this.owner.select(null);
    else if (next === undefined) return;
    else this.owner.select(this.shown[Math.max(0, Math.min(last, next))], "table");
    event.preventDefault();
  }
}

// MARK: Log of changes

/** What has changed, the latest first. */
class ChangeLog {
  static maximumEntries = 1000;

  constructor(owner) {
    this.list = byID("log");
    this.active = null;
    this.count = 0;
    this.next = 0;
    byID("log-clear").addEventListener("click", () => this.clear());
    this.list.addEventListener("click", (event) => {
      const entry = event.target.closest("[data-start]");
      if (!entry) return;
      this.activate(entry);
      owner.jump(BigInt("0x" + entry.dataset.start));
    });
    this.list.addEventListener("keydown", (event) => {
      const next = {
        ArrowDown: this.active?.nextElementSibling ?? this.list.firstElementChild,
        ArrowUp: this.active?.previousElementSibling, Home: this.list.firstElementChild,
        End: this.list.lastElementChild,
      }[event.key];
      if (next) this.activate(next);
      else if (event.key === "Enter" && this.active?.dataset.start) this.active.click();
      else return;
      event.preventDefault();
    });
    this.clear();
  }

  activate(entry) {
    this.active?.setAttribute("aria-selected", "false");
    this.active = entry;
    entry.setAttribute("aria-selected", "true");
    entry.scrollIntoView({block: "nearest"});
    this.list.setAttribute("aria-activedescendant", entry.id);
  }

  clear() {
    this.list.replaceChildren();
    this.list.removeAttribute("aria-activedescendant");
    this.active = null;
    this.count = 0;
    this.showCount();
  }

  /** Adds what a difference has, in the order of addresses. */
  add({removed, added}, generation) {
    this.count += removed.length + added.length;
    const entries = [
      ...removed.map((mapping) => [mapping, "removed"]),
      ...added.map((mapping) => [mapping, "added"]),
    ];
    entries.sort(([a], [b]) => byStart(a, b));
    const time = timeOfDay();
    this.insert(entries.slice(0, ChangeLog.maximumEntries).map(
      ([mapping, what]) => this.entry(mapping, what, time, generation)));
  }

  /** Something to know that is no change, such as that some were missed. */
  note(text) {
    const entry = make("div", {class: "note", role: "option", "aria-selected": "false"},
      `${timeOfDay()} ${text}`);
    entry.id = `log-${this.next++}`;
    this.insert([entry]);
  }

  entry(mapping, what, time, generation) {
    const entry = make("div", {
      role: "option", class: what, id: `log-${this.next++}`, "aria-selected": "false",
      "data-change": what, "data-start": hex(mapping.start), "data-generation": generation,
    }, make("span", {class: "time"}, time),
    make("span", {class: "sign", "aria-label": what}, what === "added" ? "+" : "−"),
    make("span", {class: "range"}, rangeText(mapping)),
    make("span", {class: "access"}, mapping.access),
    make("span", {class: "size"}, bytes(mapping.size)));
    entry.append(nameElement(mapping.name || `(${kindTitle(mapping)})`));
    return entry;
  }

  insert(entries) {
    this.list.prepend(...entries);
    while (this.list.childElementCount > ChangeLog.maximumEntries) {
      if (this.list.lastElementChild === this.active) {
        this.active = null;
        this.list.removeAttribute("aria-activedescendant");
      }
      this.list.lastElementChild.remove();
    }
    this.showCount();
  }

  showCount() {
    const kept = this.list.childElementCount;
    this.list.dataset.count = kept;
    setText(byID("log-count"), this.count === 0 ? "none yet" : this.count > kept
      ? `the latest ${grouped(kept)} of ${grouped(this.count)}` : grouped(this.count));
  }
}

// MARK: Difference of two instants

class Comparison {
  static maximumRows = 300;

  constructor(owner) {
    this.owner = owner;
    this.section = byID("comparison");
    byID("comparison-close").addEventListener("click", () => {
      this.hide();
      byID("compare").focus();
    });
    byID("comparison-body").addEventListener("click", (event) => {
      const {start, name} = event.target.closest("button")?.dataset ?? {};
      if (start !== undefined) owner.jump(BigInt("0x" + start));
      else if (name !== undefined) owner.searchFor(name);
    });
  }

  hide() {
    this.section.hidden = true;
    this.section.removeAttribute("data-state");
  }

  open(state) {
    this.section.hidden = false;
    this.section.dataset.state = state;
  }

  showMessage(state, text) {
    this.open(state);
    setText(byID("comparison-summary"), text);
    byID("comparison-body").replaceChildren();
    byID("comparison-title").focus();
  }

  show(difference, mark) {
    const removed = difference.removed.map(parseMapping);
    const added = difference.added.map(parseMapping);
    const growth = [...difference.growth].sort(
      (a, b) => Math.abs(b.bytes) - Math.abs(a.bytes) || Math.abs(b.count) - Math.abs(a.count));
    const total = growth.reduce((sum, each) => sum + each.bytes, 0);
    const text = removed.length + added.length === 0
      ? `nothing has changed since ${mark.time}`
      : `since ${mark.time}: ${signedBytes(total)}, ${counted(added.length, "mapping")} added, `
        + `${grouped(removed.length)} removed`;
    this.showMessage("shown", `${text} (generation ${grouped(difference.from)} to `
      + `${grouped(difference.to)})`);
    const parts = [];
    if (growth.length > 0) parts.push(this.growthTable(growth));
    if (added.length > 0) parts.push(this.mappingList("Added", "added", added));
    if (removed.length > 0) parts.push(this.mappingList("Removed", "removed", removed));
    byID("comparison-body").replaceChildren(...parts);
  }

  growthTable(growth) {
    const rows = growth.slice(0, Comparison.maximumRows).map(({name, bytes: size, count}) => {
      const label = make("button", {type: "button", class: "plain", "data-name": name});
      label.append(nameElement(name || "(anonymous)"));
      if (!name) label.disabled = true;
      const direction = size > 0 ? "more" : size < 0 ? "less" : "same";
      return make("tr", {"data-growth": size},
        make("td", {class: `number ${direction}`}, signedBytes(size)),
        make("td", {class: "number"}, signed(count)),
        make("td", {class: "name"}, label));
    });
    return make("section", {class: "growth"},
      make("h4", {}, `By file and name${this.cut(growth)}`),
      make("table", {id: "growth"},
        make("thead", {}, make("tr", {},
          make("th", {scope: "col", class: "number"}, "Bytes"),
          make("th", {scope: "col", class: "number"}, "Mappings"),
          make("th", {scope: "col"}, "File or name"))),
        make("tbody", {}, ...rows)));
  }

  mappingList(title, what, mappings) {
    const items = mappings.slice(0, Comparison.maximumRows).map((mapping) => {
      const label = make("button", {
        type: "button", class: "plain", dir: "ltr", "data-start": hex(mapping.start),
        title: lineOf(mapping),
      }, make("span", {class: "range"}, rangeText(mapping)),
      make("span", {class: "access"}, mapping.access),
      make("span", {class: "size"}, bytes(mapping.size)));
      label.append(nameElement(mapping.name || `(${kindTitle(mapping)})`));
      return make("li", {}, label);
    });
    return make("section", {class: what, "data-list": what},
      make("h4", {}, `${title}: ${grouped(mappings.length)}${this.cut(mappings)}`),
      make("ul", {}, ...items));
  }

  cut(list) {
    const {maximumRows} = Comparison;
    return list.length > maximumRows ? `, the first ${grouped(maximumRows)}` : "";
  }
}

// MARK: One process

/** The address of a search text, or `null` if it is a name. */
function addressOf(text) {
  // The start of a range will do, since that is what is copied from a list.
  const [, prefix, digits] = /^(0x)?([0-9a-f]{1,16})(?:-(?:0x)?[0-9a-f]{1,16})?$/i.exec(text) ?? [];
  if (!digits) return null;
  // `cafe` and `42` may be parts of names.
  const isPlain = digits.length >= 5 && /[0-9]/.test(digits);
  return prefix || isPlain ? BigInt("0x" + digits) : null;
}

class ProcessView {
  constructor(list) {
    this.list = list;
    this.marks = new Map();
    this.selected = null;
    this.picture = new Picture(this);
    this.table = new MappingTable(this);
    this.log = new ChangeLog(this);
    this.comparison = new Comparison(this);
    this.makeLegend();
    byID("mark").addEventListener("click", () => this.mark());
    byID("compare").addEventListener("click", () => this.compare());
    byID("reload").addEventListener("click", () => this.reload());
    byID("search").addEventListener("input", () => this.searchSoon());
    byID("search-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.find();
    });
    byID("clear-filter").addEventListener("click", () => this.clearFilter());
    setInterval(() => this.showAge(), 500);
  }

  // MARK: Loading and following

  /** Shows a process until the signal aborts it. */
  async run(pid, signal) {
    Object.assign(this, {
      pid, signal, space: null, process: null, selected: null, hasEnded: false,
      isMissingChanges: false,
    });
    this.prepare();
    const poll = setInterval(() => {
      if (!document.hidden && !this.hasEnded) this.loadProcess().catch(() => {});
    }, 2000);
    try {
      await persist(signal, async () => {
        if (this.list.maximumMapCount === null) await this.loadMaximum();
        await this.loadProcess();
        if (!this.space || this.isMissingChanges) await this.loadState();
        await this.follow();
      });
      connection.show("stopped", "no more changes");
    } catch (error) {
      if (signal.aborted) return;
      connection.showFailure(error);
      if (error.status === 404) {
        this.hasEnded = true;
        this.notice(this.space
          ? "The process has exited, or can't be read any more: this is what was last seen."
          : `There is no process ${pid} that the server may read.`);
        if (this.space) this.setState("exited");
      } else {
        this.notice(`This can't be shown: ${error.message}.`, "Load again");
      }
    } finally {
      clearInterval(poll);
      if (this.signal === signal) byID("loading").hidden = true;
    }
  }

  prepare() {
    connection.show("connecting", "connecting");
    setText(byID("process-pid"), String(this.pid));
    setText(byID("process-command"), "");
    setText(byID("age"), "");
    byID("state").hidden = true;
    byID("facts").replaceChildren();
    byID("map").hidden = true;
    byID("notice").hidden = true;
    byID("search").value = "";
    byID("picture").dataset.generation = "";
    setText(byID("search-result"), "");
    this.picture.clear();
    this.table.recent.clear();
    this.table.grid.scrollTop = 0;
    this.log.clear();
    this.comparison.hide();
    this.showMark();
    this.setKinds(new Set());
    const known = this.list.processes.get(this.pid);
    if (known) this.showProcess(known);
  }

  async loadMaximum() {
    this.list.maximumMapCount = (await requestJSON("/processes", this.signal)).maximumMapCount;
  }

  async loadProcess() {
    const {signal} = this;
    const process = await requestJSON(`/processes/${this.pid}`, signal);
    signal.throwIfAborted();
    process.asOf = now();
    this.showProcess(process);
  }

  /** Loads the mappings, which may be megabytes, and shows how far it is. */
  async loadState() {
    const {signal} = this;
    const expected = this.process.mappings;
    byID("loading").hidden = false;
    byID("progress").max = Math.max(1, expected);
    byID("progress").value = 0;
    const response = await request(`/processes/${this.pid}/maps?format=json`, {signal});
    const chunks = [];
    let [length, count, rest] = [0, 0, ""];
    for await (const text of texts(response)) {
      chunks.push(text);
      length += text.length;
      // A name can't hold this: its quotation marks are escaped.
      const seen = rest + text;
      count += seen.split('"start":').length - 1;
      rest = seen.slice(-7);
      byID("progress").value = count;
      setText(byID("progress-text"), `Loading: ${counted(count, "mapping")} of `
        + `${grouped(expected)}, ${bytes(length)}`);
    }
    this.takeState(JSON.parse(chunks.join("")));
    byID("loading").hidden = true;
  }

  /** Follows the changes; returns when there will be no more. */
  async follow() {
    const {signal} = this;
    const onOpen = () => connection.show("live", "connected");
    const stream = events(`/processes/${this.pid}/changes`,
      {lastEventID: this.space.generation, signal, onOpen});
    try {
      for await (const event of stream) {
        signal.throwIfAborted();
        const data = JSON.parse(event.data);
        if (event.type === "end") return this.end(data.reason);
        if (event.type === "state") this.takeState(data);
        else if (event.type === "changes") this.takeChanges(data);
      }
    } catch (error) {
      if (error instanceof Inconsistent) this.isMissingChanges = true;
      throw error;
    }
    throw new LostConnection();
  }

  takeState(state) {
    if (this.space) this.log.note("some changes were missed: all mappings loaded again");
    this.space = new AddressSpace(state);
    this.isMissingChanges = false;
    byID("map").hidden = false;
    this.showMappings();
  }

  takeChanges(difference) {
    const change = this.space.apply(difference);
    this.log.add(change, difference.to);
    this.picture.flash(change.removed, change.added);
    this.table.flash(change.added);
    this.showMappings();
  }

  end(reason) {
    this.hasEnded = true;
    const text = {
      exited: "The process has exited: this is what was last seen.",
      replaced: "The process has been replaced by another program, or its number by another "
        + "process: this is what was last seen.",
      detached: "The process has taken its maps back: this is what was last seen.",
    }[reason] ?? "There are no more changes.";
    this.setState(reason === "detached" ? "detached" : "exited");
    this.notice(text, reason === "replaced" ? "Load the new one" : null);
  }

  notice(text, button) {
    byID("notice").hidden = false;
    setText(byID("notice-text"), text);
    byID("reload").hidden = !button;
    if (button) setText(byID("reload"), button);
  }

  // MARK: Showing

  setState(state) {
    if (!this.process) return;
    this.process.state = state;
    this.showProcess(this.process);
  }

  showProcess(process) {
    // An answer that was under way when the stream ended says "live".
    if (this.hasEnded && process !== this.process) return;
    this.process = process;
    const command = harmless(process.command) || "(no name)";
    setText(byID("process-command"), command);
    byID("process-command").title = command;
    document.title = `${process.pid} ${command} – maps-server`;
    byID("state").hidden = false;
    setState(byID("state"), process);
    this.showAge();
    const facts = [
      ["mappings", grouped(process.mappings)], ["mapped", bytes(process.mappedBytes)],
      ["anonymous", bytes(process.anonymousBytes)], ["files", bytes(process.fileBytes)],
      ["shared", bytes(process.sharedBytes)], ["data", bytes(process.dataBytes)],
      ["executable", bytes(process.executableBytes)], ["locked", bytes(process.lockedBytes)],
      ["writable and executable", bytes(process.writableExecutableBytes)],
      ["source", process.source ?? "the process itself"],
      ["generation", grouped(this.space?.generation ?? process.generation)],
    ];
    const list = byID("facts");
    if (list.childElementCount === 0) {
      list.append(...facts.map(([name]) => make("div", {"data-fact": name},
        make("dt", {}, name), make("dd", {}))));
      list.firstChild.append(make("dd", {class: "bar", "aria-hidden": "true"},
        make("span", {class: "fill"})));
    }
    facts.forEach(([, text], index) => setText(list.children[index].children[1], text));
    showBar(list.querySelector(".bar"), process.mappings, this.list.maximumMapCount);
    const maximum = this.list.maximumMapCount;
    if (maximum) setText(list.querySelector("dd"), `${facts[0][1]} of ${grouped(maximum)}`);
    list.querySelector('[data-fact="writable and executable"]')
      .classList.toggle("bad", process.writableExecutableBytes > 0);
  }

  showAge() {
    if (this.process && !byID("process-view").hidden) {
      const text = freshness(this.process);
      const prefix = this.process.state === "contended"
        ? "changes faster than it can be read, verified " : "verified ";
      setText(byID("age"), text.endsWith("ago") ? prefix + text : text);
    }
  }

  /** Shows the mappings of the latest instant. */
  showMappings() {
    const {mappings, generation} = this.space;
    if (this.selected) {
      const same = mappings[indexOfAddress(mappings, this.selected.start)];
      this.selected = same?.start === this.selected.start ? same : null;
    }
    byID("picture").dataset.generation = generation;
    setText(byID("facts").querySelector('[data-fact="generation"] dd'), grouped(generation));
    this.picture.show(mappings);
    this.filterTable();
    this.checkAnswer();
    this.showLegendSoon();
    this.showLine(null);
  }

  /** An answer to a search is of an earlier instant: says so when its mapping goes. */
  checkAnswer() {
    if (!this.answered) return;
    const {text, address, mapping} = this.answered;
    if (byID("search-result").textContent !== text) {
      this.answered = null;
      return;
    }
    const now = this.space.mappings[indexOfAddress(this.space.mappings, address)];
    if (now?.start === mapping.start && now.end === mapping.end) return;
    this.answered = null;
    setText(byID("search-result"),
      `${hex(address)} was in ${rangeText(mapping)}, which has changed`);
  }

  filterTable() {
    const {mappings} = this.space;
    const {shownKinds} = this.picture;
    const text = this.filter ?? "";
    const isWhole = text === "" && shownKinds.size === 0;
    const matches = (mapping) => {
      mapping.searchText ??= harmless(mapping.name).toLowerCase();
      return mapping.searchText.includes(text);
    };
    const shown = isWhole ? mappings : mappings.filter((mapping) =>
      (shownKinds.size === 0 || shownKinds.has(mapping.kind)) && (text === "" || matches(mapping)));
    byID("clear-filter").hidden = isWhole;
    this.table.show(shown, mappings.length);
    return shown;
  }

  clearFilter() {
    byID("search").value = "";
    setText(byID("search-result"), "");
    this.setKinds(new Set());
    if (this.selected) this.table.reveal(this.selected);
  }

  /** The line below the picture: what is pointed at, or else what is selected. */
  showLine(mapping, hole) {
    const line = byID("hover");
    const shown = mapping ?? (hole ? null : this.selected);
    line.dataset.start = shown ? hex(shown.start) : "";
    line.dataset.kind = shown ? shown.kind : "";
    if (hole) {
      setText(line, `hole of ${bytes(hole[1] - hole[0])}, ${hex(hole[0])}-${hex(hole[1])}`);
    } else if (shown) {
      setText(line, `${lineOf(shown)} · ${kindTitle(shown)}, ${bytes(shown.size)}`);
    } else {
      setText(line, "Point at a mapping to see its line.");
    }
    line.classList.toggle("faint", !shown && !hole);
  }

  // MARK: Legend

  makeLegend() {
    this.legend = new Map();
    for (const kind of kindNames) {
      const button = make("button", {
        type: "button", "data-kind": kind, "aria-pressed": "false", title: kinds[kind][1],
      }, make("span", {class: "swatch"}), make("span", {class: "text"}));
      button.addEventListener("click", () => {
        const {shownKinds} = this.picture;
        const isOnly = shownKinds.has(kind);
        this.setKinds(new Set(isOnly ? [] : [kind]));
      });
      const item = make("li", {hidden: ""}, button);
      this.legend.set(kind, item);
      byID("legend").append(item);
    }
    byID("legend").append(make("li", {class: "hole"}, make("span", {class: "swatch"}), "hole"));
  }

  setKinds(shownKinds) {
    this.picture.shownKinds = shownKinds;
    this.filter = this.nameFilter();
    for (const [kind, item] of this.legend) {
      item.firstChild.setAttribute("aria-pressed", shownKinds.has(kind));
    }
    this.picture.redrawSoon();
    if (this.space) this.filterTable();
  }

  /** The legend has sums, which needn't follow each change at once. */
  showLegendSoon() {
    if (this.legendTimer) return;
    this.showLegend();
    this.legendTimer = setTimeout(() => {
      this.legendTimer = null;
      if (this.space) this.showLegend();
    }, 500);
  }

  showLegend() {
    const sums = new Map();
    for (const {kind, size} of this.space.mappings) {
      const sum = sums.get(kind) ?? {size: 0, count: 0};
      sum.size += size;
      sum.count += 1;
      sums.set(kind, sum);
    }
    for (const [kind, item] of this.legend) {
      const sum = sums.get(kind);
      const isPressed = this.picture.shownKinds.has(kind);
      item.hidden = !sum && !isPressed;
      setText(item.querySelector(".text"),
        `${kinds[kind][0]} ${sum ? `${bytes(sum.size)} (${grouped(sum.count)})` : "none"}`);
    }
  }

  // MARK: Selecting

  selectedIndex() {
    if (!this.selected) return -1;
    return indexOfAddress(this.space.mappings, this.selected.start);
  }

  /** @param source where it was selected, which need not be scrolled. */
  select(mapping, source) {
    this.selected = mapping;
    byID("hover").setAttribute("aria-live", source === "keyboard" ? "polite" : "off");
    this.showLine(null);
    if (mapping) {
      this.picture.reveal(mapping, {magnifies: source === "search"});
      this.table.reveal(mapping);
    }
    this.picture.redrawSoon();
    this.table.renderSoon();
  }

  magnify(mapping) {
    this.picture.reveal(mapping, {magnifies: true});
  }

  hoverInTable(mapping) {
    this.picture.hovered = mapping;
    this.showLine(mapping);
    this.picture.redrawSoon();
  }

  /** Goes to what is mapped at an address now. */
  jump(address) {
    const {mappings} = this.space;
    const index = indexOfAddress(mappings, address);
    if (mappings[index]?.start <= address) {
      if (this.table.indexOf(mappings[index]) < 0) this.clearFilter();
      this.select(mappings[index], "search");
      setText(byID("search-result"), "");
    } else {
      setText(byID("search-result"), this.holeText(address));
    }
  }

  /** Which hole an address is in. */
  holeText(address) {
    const {mappings} = this.space;
    const index = indexOfAddress(mappings, address);
    const from = index > 0 ? mappings[index - 1].end : 0n;
    const to = mappings[index]?.start;
    const hole = to === undefined ? `above all mappings, the last of which ends at ${hex(from)}`
      : `in a hole of ${bytes(to - from)}, ${hex(from)}-${hex(to)}`;
    return `${hex(address)} isn't mapped: ${hole}`;
  }

  // MARK: Searching

  nameFilter() {
    const text = byID("search").value.trim();
    return addressOf(text) === null ? text.toLowerCase() : "";
  }

  searchSoon() {
    clearTimeout(this.searchTimer);
    this.searchTimer = setTimeout(() => this.filterByName(), 150);
  }

  filterByName() {
    if (!this.space) return [];
    const text = byID("search").value.trim();
    this.filter = this.nameFilter();
    const shown = this.filterTable();
    if (this.filter === "") {
      setText(byID("search-result"), text ? "an address: press Enter to go there" : "");
      if (this.selected) this.table.reveal(this.selected);
      return [];
    }
    setText(byID("search-result"), shown.length === 0
      ? "no name has this in it" : `${counted(shown.length, "mapping")} with this name`);
    if (shown.length > 0 && !shown.includes(this.selected)) this.select(shown[0], "search");
    return shown;
  }

  searchFor(name) {
    byID("search").value = harmless(name);
    this.filterByName();
  }

  /** Enter: asks the server what is at an address, or goes to the next of that name. */
  async find() {
    clearTimeout(this.searchTimer);
    const address = addressOf(byID("search").value.trim());
    if (address === null) {
      const before = this.selected;
      const shown = this.filterByName();
      if (shown.length === 0 || this.selected !== before) return;
      const next = (shown.indexOf(this.selected) + 1) % shown.length;
      this.select(shown[next], "search");
      setText(byID("search-result"), `${grouped(next + 1)} of ${grouped(shown.length)}`);
      return;
    }
    const {signal, pid} = this;
    try {
      const answer = await requestJSON(`/processes/${pid}/query?address=${hex(address)}`, signal);
      signal.throwIfAborted();
      const found = answer.answers[0]?.mapping;
      if (!found) {
        setText(byID("search-result"), this.holeText(address));
        return;
      }
      this.jump(address);
      const mapping = parseMapping(found);
      const distance = address - mapping.start;
      const text = `${hex(address)} is in ${rangeText(mapping)} ${harmless(mapping.name)}`.trim();
      setText(byID("search-result"), `${text}, ${bytes(distance)} from its start`);
      this.answered = {text: byID("search-result").textContent, address, mapping};
    } catch (error) {
      if (!signal.aborted) setText(byID("search-result"), `failed: ${error.message}`);
    }
  }

  // MARK: Marking and comparing

  mark() {
    if (!this.space) return;
    this.marks.set(this.pid, {generation: this.space.generation, time: timeOfDay()});
    this.comparison.hide();
    this.showMark();
  }

  showMark() {
    const mark = this.marks.get(this.pid);
    byID("compare").disabled = !mark;
    byID("mark").dataset.generation = mark ? mark.generation : "";
    setText(byID("mark-text"), mark
      ? `marked generation ${grouped(mark.generation)} at ${mark.time}` : "nothing marked");
  }

  async compare() {
    const {signal, pid} = this;
    const mark = this.marks.get(pid);
    if (!mark) return;
    try {
      const path = `/processes/${pid}/difference?since=${mark.generation}`;
      const difference = await requestJSON(path, signal);
      if (!signal.aborted) this.comparison.show(difference, mark);
    } catch (error) {
      if (signal.aborted) return;
      this.comparison.showMessage(error.status === 410 ? "gone" : "failed", error.status === 410
        ? `The server doesn't keep generation ${grouped(mark.generation)} any more. Mark again, `
          + "and compare sooner."
        : `This can't be compared: ${error.message}`);
    }
  }

  reload() {
    this.marks.delete(this.pid);
    route();
  }
}

// MARK: Routes

const list = new ListView();
const processView = new ProcessView(list);
let current = new AbortController();
let lastPID = null;

/** Shows what the hash says: `#/` is the list, `#/1234` a process. */
function route() {
  current.abort();
  current = new AbortController();
  const [, pid] = /^#\/(\d{1,10})$/.exec(location.hash) ?? [];
  byID("list-view").hidden = pid !== undefined;
  byID("process-view").hidden = pid === undefined;
  document.body.dataset.view = pid === undefined ? "list" : "process";
  if (pid === undefined) {
    document.title = "maps-server";
    list.render();
    list.run(current.signal);
    if (lastPID !== null) {
      (list.rows.get(lastPID)?.querySelector("a") ?? byID("list-title")).focus();
    }
    lastPID = null;
  } else {
    lastPID = Number(pid);
    document.title = `${pid} – maps-server`;
    scrollTo(0, 0);
    processView.run(lastPID, current.signal);
    byID("process-title").focus({preventScroll: true});
  }
}

addEventListener("hashchange", route);
addEventListener("online", () => wakeUp.dispatchEvent(new Event("wake")));
byID("retry").addEventListener("click", () => wakeUp.dispatchEvent(new Event("wake")));
byID("enter-token").addEventListener("click", async () => {
  if (await token.ask(false)) route();
});
route();
