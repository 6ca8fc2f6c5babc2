//! The steps that send: requests, notifications, replies, raw bytes, any HTTP request.

use bytes::Bytes;
use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::judge::fill::Unbound;
use crate::scenario::{HttpCall, Message as Template, Raw, RawBytes, Reply};
use crate::session::Edits;
use crate::wire::TransportKind;

use super::Run;

impl Run<'_> {
    pub(super) fn send_message(&mut self, template: &Template, is_request: bool) -> Result<(), Unbound> {
        let mut message = json!({});
        if is_request {
            message["id"] = match &template.id {
                Some(id) => self.bindings.fill(id)?,
                None => self.session.fresh_id(),
            };
        }
        message["method"] = self.bindings.fill(&template.method)?;
        if let Some(params) = &template.params {
            message["params"] = self.bindings.fill(params)?;
        }
        let omit: Vec<_> =
            template.omit.iter().map(|pointer| self.bindings.fill_plain(pointer)).collect::<Result<_, _>>()?;
        let headers = self.headers(&template.headers)?;
        let deliberate = template.id.is_some() || !omit.is_empty() || !headers.is_empty();
        let sent = self.session.send(message, &Edits { omit, headers, deliberate });
        self.sent.push((template.name.clone(), sent));
        Ok(())
    }

    pub(super) fn reply(&mut self, reply: &Reply) -> Result<(), Unbound> {
        let id = match self.asked.iter().rev().find(|(name, _)| reply.to.is_none() || *name == reply.to) {
            Some((_, id)) => id.clone(),
            None => return Err(Unbound("the server's request".to_owned())),
        };
        let mut message = self.bindings.fill(&reply.body)?;
        message["id"] = id;
        self.session.send(message, &Edits::default());
        Ok(())
    }

    pub(super) fn send_raw(&mut self, raw: &Raw) -> Result<(), Unbound> {
        let bytes = match &raw.bytes {
            RawBytes::Text(text) => Bytes::from(self.bindings.fill_json_text(text)?),
            RawBytes::Bytes(bytes) => Bytes::copy_from_slice(bytes),
        };
        let edits = Edits { headers: self.headers(&raw.headers)?, deliberate: true, ..Edits::default() };
        let sent = self.session.send_raw(bytes, raw.newline, &edits);
        self.sent.push((raw.name.clone(), sent));
        Ok(())
    }

    pub(super) fn send_http(&mut self, call: &HttpCall) -> Result<(), Unbound> {
        if self.session.kind() == TransportKind::Stdio {
            return Ok(());
        }
        let body = match call.body.as_ref().map(|body| self.bindings.fill(body)).transpose()? {
            None => Bytes::new(),
            Some(Value::String(text)) => Bytes::from(text),
            Some(value) => Bytes::from(value.to_string()),
        };
        let path = call.path.as_ref().map(|path| self.bindings.fill_plain(path)).transpose()?;
        let edits = Edits { headers: self.headers(&call.headers)?, deliberate: true, ..Edits::default() };
        let method = self.bindings.fill_plain(&call.method)?;
        let sent = self.session.send_http(&method, path, body, &edits);
        self.sent.push((call.name.clone(), sent));
        Ok(())
    }

    pub(super) fn headers(
        &self,
        templates: &IndexMap<String, Value>,
    ) -> Result<Vec<(String, Option<String>)>, Unbound> {
        let fill = |(name, value): (&String, &Value)| {
            let name = self.bindings.fill_plain(name)?;
            Ok(match self.bindings.fill(value)? {
                Value::Null => (name, None),
                Value::String(text) => (name, Some(text)),
                other => (name, Some(other.to_string())),
            })
        };
        templates.iter().map(fill).collect()
    }
}
