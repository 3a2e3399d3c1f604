//! A headless Chromium, driven through the pipe of its DevTools protocol.
//!
//! The protocol's own transport over file descriptors 3 and 4 needs no library and no port; a shell
//! moves our pipes there.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// The longest that a test waits for an answer; a machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a browser that a test started is like.
pub(crate) struct Browser {
    process: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    calls: u64,
    session: Option<String>,
    /// Every address that was asked for.
    pub(crate) requests: Vec<String>,
    /// Everything that a page complained about.
    pub(crate) complaints: Vec<String>,
}

/// A browser, or `None` after saying that there is none.
///
/// # Panics
///
/// If there is none and `OWN_THE_HEAP_REQUIRE_TOOLS` is set.
pub(crate) fn start(scratch: &Path) -> Option<Browser> {
    let there = Command::new("chromium").arg("--version").output();
    if !there.is_ok_and(|output| output.status.success()) {
        tests::skip("chromium (Debian package chromium)");
        return None;
    }
    let mut process = Command::new("sh")
        .arg("-c")
        .arg(
            "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
             --hide-scrollbars --window-size=1280,900 --remote-debugging-pipe \
             --user-data-dir=\"$0\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null",
        )
        .arg(scratch.join("profile"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let to = process.stdin.take().expect("a pipe");
    let pipe = BufReader::new(process.stdout.take().expect("a pipe"));
    let (send, from) = channel();
    thread::spawn(move || {
        for message in pipe.split(0).map_while(Result::ok) {
            let message = serde_json::from_slice(&message).expect("a message is JSON");
            if send.send(message).is_err() {
                return;
            }
        }
    });
    let mut browser = Browser {
        process,
        to,
        from,
        calls: 0,
        session: None,
        requests: Vec::new(),
        complaints: Vec::new(),
    };
    browser.open_page();
    Some(browser)
}

impl Browser {
    fn open_page(&mut self) {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", attach);
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in [
            "Page.enable",
            "Runtime.enable",
            "Network.enable",
            "Log.enable",
        ] {
            self.call(domain, json!({}));
        }
        let nothing = json!({
            "offline": true, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0
        });
        self.call("Network.emulateNetworkConditions", nothing);
    }

    /// Calls a method of the protocol and returns its result.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).expect("the browser listens");
        loop {
            let message = self.next(method);
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
        }
    }

    fn next(&mut self, doing: &str) -> Value {
        let message = match self.from.recv_timeout(PATIENCE) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => panic!("{doing}: no answer within {PATIENCE:?}"),
            Err(RecvTimeoutError::Disconnected) => panic!("{doing}: the browser has gone"),
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let params = &message["params"];
        match message["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                self.requests.push(text(&params["request"]["url"]));
            }
            Some("Runtime.exceptionThrown") => {
                self.complaints.push(params["exceptionDetails"].to_string());
            }
            Some("Log.entryAdded") => self.complaints.push(text(&params["entry"]["text"])),
            _ => {}
        }
        message
    }

    /// Opens a file and waits until it is loaded.
    pub(crate) fn open(&mut self, file: &Path) {
        let url = format!("file://{}", file.display());
        self.call("Page.navigate", json!({ "url": url }));
        while self.next("loading")["method"] != "Page.loadEventFired" {}
    }

    /// The value of an expression of the page; a promise is waited for.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let how = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": true
        });
        let answer = self.call("Runtime.evaluate", how);
        let thrown = &answer["exceptionDetails"];
        assert!(thrown.is_null(), "{expression}: {thrown}");
        answer["result"]["value"].clone()
    }

    /// The value of an expression once it contains a text.
    pub(crate) fn value_when(&mut self, expression: &str, text: &str) -> Value {
        let text = Value::from(text);
        self.value(&format!(
            "(async () => {{
                for (;;) {{
                    const value = {expression};
                    if (value.includes({text})) return value;
                    await new Promise((again) => setTimeout(again, 20));
                }}
            }})()"
        ))
    }

    /// Chooses a file in a field for files, as a hand would.
    pub(crate) fn choose_file(&mut self, selector: &str, file: &Path) {
        let document = self.call("DOM.getDocument", json!({}));
        let find = json!({ "nodeId": document["root"]["nodeId"], "selector": selector });
        let found = self.call("DOM.querySelector", find);
        let files = json!({ "nodeId": found["nodeId"], "files": [file] });
        self.call("DOM.setFileInputFiles", files);
    }

    /// The text of the element with this id, after the next frame was drawn.
    pub(crate) fn text(&mut self, id: &str) -> String {
        self.frame();
        let text = self.value(&format!("document.getElementById('{id}').textContent"));
        text.as_str().expect("a text").to_owned()
    }

    /// Waits until what is due has been drawn.
    pub(crate) fn frame(&mut self) {
        self.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))");
    }

    /// Presses a key as a keyboard would: its name, and the text it writes.
    pub(crate) fn press(&mut self, key: &str) {
        self.press_with(key, 0);
    }

    /// Presses a key with modifiers: 8 is shift.
    pub(crate) fn press_with(&mut self, key: &str, modifiers: u32) {
        let text = match key {
            "Enter" => "\r",
            key if key.chars().count() == 1 => key,
            _ => "",
        };
        let down = json!({ "type": "keyDown", "key": key, "text": text, "modifiers": modifiers,
            "windowsVirtualKeyCode": virtual_code(key), "code": key });
        self.call("Input.dispatchKeyEvent", down);
        let up = json!({ "type": "keyUp", "key": key, "modifiers": modifiers,
            "windowsVirtualKeyCode": virtual_code(key), "code": key });
        self.call("Input.dispatchKeyEvent", up);
    }

    /// Points at a place of an element, from its left and top as shares of its width and height: `mouseMoved`,
    /// `mousePressed`, `mouseReleased`.
    pub(crate) fn point(&mut self, selector: &str, x: f64, y: f64, how: &str) {
        let place = format!(
            "(() => {{ const r = document.querySelector('{selector}').getBoundingClientRect();
                return [r.left + r.width * {x}, r.top + r.height * {y}]; }})()"
        );
        let place = self.value(&place);
        let buttons = if how == "mouseReleased" { 0 } else { 1 };
        let event = json!({ "type": how, "x": place[0], "y": place[1], "button": "left",
            "buttons": buttons, "clickCount": 1 });
        self.call("Input.dispatchMouseEvent", event);
    }

    /// Takes a picture of the window as a PNG file.
    pub(crate) fn screenshot(&mut self, file: &Path) {
        let shot = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        let data = shot["data"].as_str().expect("a picture");
        std::fs::write(file, from_base64(data)).expect("written");
    }
}

impl Drop for Browser {
    /// Asks first: a browser that is killed leaves its sockets in the folder for temporary files.
    fn drop(&mut self) {
        let close = b"{\"id\":0,\"method\":\"Browser.close\"}\0";
        let asked = self.to.write_all(close).is_ok();
        while asked && self.from.recv_timeout(PATIENCE).is_ok() {}
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn virtual_code(key: &str) -> u32 {
    match key {
        "Enter" => 13,
        "Tab" => 9,
        "Escape" => 27,
        " " => 32,
        "PageUp" => 33,
        "PageDown" => 34,
        "End" => 35,
        "Home" => 36,
        "ArrowLeft" => 37,
        "ArrowRight" => 39,
        _ => 0,
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text
        .bytes()
        .filter(|&byte| byte != b'=')
        .map(digit)
        .collect();
    let word = |part: &[u8]| {
        let places = part.iter().zip([18, 12, 6, 0]);
        places.fold(0_u32, |word, (&digit, shift)| {
            word | u32::from(digit) << shift
        })
    };
    let bytes = digits.chunks(4).flat_map(|part| {
        let all = word(part).to_be_bytes();
        all[1..part.len()].to_vec()
    });
    bytes.collect()
}
