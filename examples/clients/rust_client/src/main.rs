//! A client of acton for Rust. It needs `serde_json`, and blocks.
//!
//!     cargo run --manifest-path examples/clients/rust_client/Cargo.toml -- [SOCKET]
//!
//! runs the demonstration at the end of this file against the demo services (`npm start`).
//!
//! One client makes one call at a time; open a second one for something that goes on beside it. Left out: connecting anew
//! when the connection is lost, and keep-alive frames (the server closes what is idle for 30 s).

use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{json, Value};

const FRAME_BYTES_MAX: usize = 1 << 24;

#[derive(Debug)]
pub enum Error {
    /// What the server answered instead of a reply. `code` is one of the codes in docs/protocol.md.
    Server {
        code: String,
        text: String,
        retry_after_ms: Option<u64>,
    },
    /// The connection is gone, or what came over it makes no sense.
    Connection(io::Error),
}

impl Error {
    /// The error in a frame that has one.
    fn of(frame: &Value) -> Option<Error> {
        let code = frame["error_code"].as_str()?.to_owned();
        let text = frame["error"].as_str().unwrap_or_default().to_owned();
        Some(Error::Server {
            code,
            text,
            retry_after_ms: frame["retry_after_ms"].as_u64(),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Server { text, .. } => f.write_str(text),
            Error::Connection(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Connection(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Error::Connection(error.into())
    }
}

pub type Result<T> = std::result::Result<T, Error>;

pub struct Client {
    socket: BufReader<UnixStream>,
    last_id: u64,
}

impl Client {
    pub fn connect(path: impl AsRef<Path>) -> Result<Client> {
        Ok(Client {
            socket: BufReader::new(UnixStream::connect(path)?),
            last_id: 0,
        })
    }

    /// The agent's reply.
    pub fn ask(&mut self, agent: &str, message_type: &str, payload: Value) -> Result<Value> {
        let mut response = self.call(json!({ "target": agent, "message_type": message_type, "payload": payload, "expects_reply": true }))?;
        Ok(response["payload"].take())
    }

    /// Returns once the message is in the agent's mailbox. Nobody waits for what the agent makes of it.
    pub fn send(&mut self, agent: &str, message_type: &str, payload: Value) -> Result<()> {
        self.call(json!({ "target": agent, "message_type": message_type, "payload": payload }))?;
        Ok(())
    }

    /// The items of a stream. Dropping it early tells the agent to stop.
    pub fn stream(
        &mut self,
        agent: &str,
        message_type: &str,
        payload: Value,
    ) -> Result<Stream<'_>> {
        let id = self.open(json!({ "target": agent, "message_type": message_type, "payload": payload, "expects_stream": true }))?;
        Ok(Stream {
            client: self,
            id,
            open: true,
        })
    }

    /// Every message of these types that is broadcast from now on, until it is dropped.
    pub fn subscribe(&mut self, message_types: &[&str]) -> Result<Subscription<'_>> {
        let answer = self.call(json!({ "message_types": message_types }))?;
        match answer["rejected_types"].as_array() {
            Some(rejected) if !rejected.is_empty() => Err(io::Error::other(format!(
                "the server does not know {}",
                answer["rejected_types"]
            ))
            .into()),
            _ => Ok(Subscription {
                client: self,
                message_types: message_types.iter().map(|&name| name.into()).collect(),
            }),
        }
    }

    fn call(&mut self, body: Value) -> Result<Value> {
        let id = self.open(body)?;
        let response = self.answer_to(&id)?;
        match Error::of(&response) {
            Some(error) => Err(error),
            None => Ok(response),
        }
    }

    fn open(&mut self, mut body: Value) -> Result<String> {
        self.last_id += 1;
        let id = self.last_id.to_string();
        body["request_id"] = json!(id);
        self.write(&body)?;
        Ok(id)
    }

    /// The next frame for this request; what still comes for one that was left is skipped.
    fn answer_to(&mut self, id: &str) -> Result<Value> {
        loop {
            let frame = self.receive()?;
            if frame["request_id"] == id {
                return Ok(frame);
            }
        }
    }

    fn write(&mut self, body: &Value) -> Result<()> {
        let data = serde_json::to_vec(body)?;
        let mut frame = (data.len() as u32).to_be_bytes().to_vec();
        frame.extend(data);
        // Writes all of it, in as many pieces as it takes.
        Ok(self.socket.get_mut().write_all(&frame)?)
    }

    fn receive(&mut self) -> Result<Value> {
        let mut header = [0; 4];
        // Reads exactly so many bytes, in however many pieces they come.
        self.socket.read_exact(&mut header)?;
        let length = u32::from_be_bytes(header) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(
                io::Error::other(format!("the server sent a frame of {length} bytes")).into(),
            );
        }
        let mut data = vec![0; length];
        self.socket.read_exact(&mut data)?;
        let frame: Value = serde_json::from_slice(&data)?;
        // An error that names no request is about the connection itself.
        match Error::of(&frame) {
            Some(error) if frame["request_id"].is_null() => Err(error),
            _ => Ok(frame),
        }
    }
}

pub struct Stream<'a> {
    client: &'a mut Client,
    id: String,
    open: bool,
}

impl Iterator for Stream<'_> {
    type Item = Result<Value>;

    fn next(&mut self) -> Option<Result<Value>> {
        if !self.open {
            return None;
        }
        match self.client.answer_to(&self.id) {
            Ok(mut frame) => {
                self.open = frame["is_final"] == false;
                let payload = frame["payload"].take();
                match Error::of(&frame) {
                    Some(error) => Some(Err(error)),
                    None if !self.open && payload.is_null() => None,
                    None => Some(Ok(payload)),
                }
            }
            Err(error) => {
                self.open = false;
                Some(Err(error))
            }
        }
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        if self.open {
            let _ = self.client.write(&json!({ "cancel": self.id }));
        }
    }
}

/// Frames with `message_type`, `payload`, `timestamp`, `seq`, and `dropped` where pushes were lost.
pub struct Subscription<'a> {
    client: &'a mut Client,
    message_types: Vec<Value>,
}

impl Iterator for Subscription<'_> {
    type Item = Result<Value>;

    fn next(&mut self) -> Option<Result<Value>> {
        loop {
            match self.client.receive() {
                Ok(frame) if !self.message_types.contains(&frame["message_type"]) => continue,
                other => return Some(other),
            }
        }
    }
}

impl Drop for Subscription<'_> {
    fn drop(&mut self) {
        let _ = self
            .client
            .write(&json!({ "unsubscribe": self.message_types }));
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "/tmp/acton.sock".to_owned());
    let mut client = Client::connect(path)?;

    let reply = client.ask("calculator", "AddRequest", json!({ "a": 5, "b": 3 }))?;
    println!("5 + 3 = {}", reply["sum"]);

    for item in client.stream(
        "list_service",
        "ListRequest",
        json!({ "page_size": 1_000_000 }),
    )? {
        let item = item?;
        println!(
            "{} {}",
            item["id"],
            item["name"].as_str().unwrap_or_default()
        );
        if item["id"] == 2 {
            break;
        }
    }

    if let Err(Error::Server { code, .. }) =
        client.ask("nobody", "AddRequest", json!({ "a": 5, "b": 3 }))
    {
        println!("{code}");
    }

    for push in client.subscribe(&["PriceUpdate"])?.take(2) {
        let push = push?;
        println!(
            "{} {}",
            push["message_type"].as_str().unwrap_or_default(),
            push["payload"]["symbol"].as_str().unwrap_or_default()
        );
    }
    Ok(())
}
