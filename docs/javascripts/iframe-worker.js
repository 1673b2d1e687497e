/* The search of pages that are opened from the file system, where browsers start no workers: the script of the worker
   runs in a hidden frame instead. A served site uses real workers. */
class FrameWorker extends EventTarget {
  constructor(script) {
    super();
    const frame = document.createElement("iframe");
    frame.hidden = true;
    frame.title = "search";
    document.body.append(frame);
    const inside = frame.contentWindow;
    this.inside = inside;
    inside.postMessage = data => setTimeout(() => this.dispatchEvent(new MessageEvent("message", {data})));
    inside.importScripts = async (...scripts) => {
      for (const each of scripts) await load(inside.document, each);
    };
    this.ready = load(inside.document, script);
  }

  postMessage(data) {
    this.ready.then(() => this.inside.dispatchEvent(new MessageEvent("message", {data: structuredClone(data)})));
  }

  terminate() {
    this.inside.frameElement.remove();
  }
}

function load(page, source) {
  return new Promise((done, failed) => {
    const script = page.createElement("script");
    script.src = new URL(source, location.href);
    script.onload = done;
    script.onerror = failed;
    page.body.append(script);
  });
}

if (location.protocol === "file:") window.Worker = FrameWorker;
