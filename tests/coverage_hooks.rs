//! Real programs report what they do: other code reached shows as other edges, and what was compared is told.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use mcp_litmus::fuzz::coverage::{Map, Mode, Operand, native_runtime, prepare};
use mcp_litmus::transport::CommandTarget;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A program that answers one line with one line, and its map.
struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
    map: Map,
    _folder: TempDir,
}

impl Program {
    fn start(mode: Mode, words: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let map = Map::create(folder.path()).expect("is made");
        let command = CommandTarget {
            program: words[0].to_owned(),
            arguments: words[1..].iter().map(|&word| word.to_owned()).collect(),
            environment: environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            directory: None,
        };
        let inherited: BTreeMap<_, _> = std::env::vars().collect();
        let prepared = prepare(mode, &command, &map, folder.path(), &inherited).expect("is set");
        let mut child = Command::new(&prepared.command.program)
            .args(&prepared.command.arguments)
            .envs(&prepared.command.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let output = BufReader::new(child.stdout.take().expect("is piped"));
        Self { child, output, map, _folder: folder }
    }

    /// Sends a line into an empty map; what came back, which edges were taken, and what was compared.
    fn ask(&mut self, line: &str) -> (String, Vec<usize>, Vec<Operand>) {
        self.map.clear().expect("is cleared");
        let answer = self.tell(line);
        let edges = self.map.edges().expect("is read").iter();
        let edges = edges.enumerate().filter(|(_, hits)| **hits > 0).map(|(edge, _)| edge).collect();
        (answer, edges, self.map.compared().expect("is read").operands())
    }

    fn tell(&mut self, line: &str) -> String {
        let input = self.child.stdin.as_mut().expect("is piped");
        input.write_all(format!("{line}\n").as_bytes()).expect("is read");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("is text");
        answer
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, or does now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pair(left: impl Into<Value>, right: impl Into<Value>) -> Operand {
    (left.into(), right.into())
}

/// Asks a server whose tool is the deepest planted bug.
fn grade(server: &mut Program, mode: &str, depth: i64) -> (Vec<usize>, Vec<Operand>) {
    let options = json!({"depth": depth, "tag": "q"});
    let params = json!({"name": "grade", "arguments": {"mode": mode, "options": options}});
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let (answer, edges, operands) = server.ask(&request.to_string());
    assert!(answer.contains("graded"), "{answer}");
    (edges, operands)
}

fn open(server: &mut Program) {
    let client = json!({"name": "test", "version": "0"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    let answer = server.tell(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}).to_string());
    assert!(answer.contains("protocolVersion"), "{answer}");
}

/// What holds of the deepest planted bug in any language.
fn leads_deeper(server: &mut Program) {
    open(server);
    let constants = server.map.constants().expect("is read");
    let (mut known, operands) = grade(server, "user", 5);
    assert!(operands.contains(&pair("user", "admin")), "{operands:?}");
    // A server goes on for a moment after it has answered: what it does then may count for the next input.
    known.extend(grade(server, "user", 5).0);
    for (depth, wanted) in [(5, pair(5, 3)), (3, pair("q", "zz9"))] {
        let (edges, operands) = grade(server, "admin", depth);
        assert!(operands.contains(&wanted), "{operands:?}");
        let new: Vec<_> = edges.into_iter().filter(|edge| !known.contains(edge)).collect();
        assert!(!new.is_empty(), "{known:?}");
        // What is seen once is seen each time.
        let again = grade(server, "admin", depth).0;
        assert!(new.iter().all(|edge| again.contains(edge)), "{new:?} {again:?}");
        known.extend(new);
    }
    server.map.want_operands(false).expect("is written");
    grade(server, "user", 5);
    assert!(grade(server, "user", 5).1.is_empty());
    let constants = [constants, server.map.constants().expect("is read")].concat();
    assert!(constants.contains(&json!("zz9")) && constants.contains(&json!("admin")), "{constants:?}");
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[test]
fn python_reports() {
    if is_there("python3") {
        leads_deeper(&mut Program::start(Mode::Auto, &["python3", "ci/planted/python/nested.py"], &[]));
    }
}

#[test]
fn node_reports() {
    if is_there("node") {
        leads_deeper(&mut Program::start(Mode::Auto, &["node", "ci/planted/node/nested.js"], &[]));
    }
}

#[test]
fn modules_of_node_report_and_do_what_they_did() {
    if !is_there("node") {
        return;
    }
    let words = ["node", "tests/data/covered.mjs"];
    let mut program = Program::start(Mode::Auto, &words, &[]);
    let mut bare = Program::start(Mode::Off, &words, &[]);
    let mut edges = Vec::new();
    for line in ["zz9", "admin", "twelve", "7", "switch", "throw", "[]", "", "__proto__", "🌊"] {
        let (answer, taken, _) = program.ask(line);
        assert_eq!(answer, bare.tell(line), "{line}");
        edges.push(taken);
    }
    edges.dedup();
    assert!(edges.len() > 5, "{edges:?}");
    let (_, _, operands) = program.ask("alpho");
    for other in ["admin", "twelve", "alpha", "beta", "switch"] {
        assert!(operands.contains(&pair("alpho", other)), "{other}: {operands:?}");
    }
}

#[test]
fn an_installed_module_of_that_name_is_still_imported() {
    if !is_there("python3") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("sitecustomize.py"), "import builtins\nbuiltins.here = 'yes'\n").expect("is written");
    let path = folder.path().to_str().expect("is UTF-8");
    let code = "import sys\nfor line in sys.stdin:\n  print(here, 'sitecustomize' in sys.modules, flush=True)";
    let mut program = Program::start(Mode::Python, &["python3", "-c", code], &[("PYTHONPATH", path)]);
    assert_eq!(program.tell("x"), "yes True\n");
}

#[test]
fn python_survives_its_deepest_stack() {
    if !is_there("python3") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("deep.py");
    let code = "import gc, sys\ndef down(n):\n  return down(n + 1)\ndef word(line):\n  if line == 'deep':\n    try:\n      down(0)\n    except RecursionError:\n      pass\n    gc.collect()\n  return 'ok'\nfor line in sys.stdin:\n  print(word(line.strip()), flush=True)\n";
    fs::write(&file, code).expect("is written");
    let mut program = Program::start(Mode::Auto, &["python3", file.to_str().expect("is UTF-8")], &[]);
    assert_eq!(program.tell("deep"), "ok\n");
    let (answer, edges, operands) = program.ask("flat");
    assert_eq!(answer, "ok\n");
    assert!(!edges.is_empty() && operands.contains(&pair("flat", "deep")), "{edges:?} {operands:?}");
}

/// Compiles the program with the runtime, as the documentation says; nothing where that cannot be done here.
fn compiled(folder: &Path, compiler: &str, coverage: &str) -> Option<PathBuf> {
    if !is_there(compiler) {
        return None;
    }
    let runtime = folder.join("mcp-litmus-coverage.c");
    fs::write(&runtime, native_runtime()).expect("is written");
    let program = folder.join("covered");
    let script = format!(
        "{compiler} -O2 -fno-builtin -fPIC -Wall -Wextra -Werror -c mcp-litmus-coverage.c && \
         {compiler} -O1 -fno-builtin-strcmp {coverage} \"$1\" mcp-litmus-coverage.o -o covered"
    );
    let source = fs::canonicalize("tests/data/covered.c").expect("is there");
    let status = Command::new("sh").args(["-ec", &script, "sh"]).arg(source).current_dir(folder).status();
    assert!(status.expect("starts").success());
    Some(program)
}

#[test]
fn native_programs_report() {
    let ways =
        [("gcc", "-fsanitize-coverage=trace-pc,trace-cmp"), ("clang", "-fsanitize-coverage=trace-pc-guard,trace-cmp")];
    for (compiler, coverage) in ways {
        let folder = tempfile::tempdir().expect("a folder");
        let Some(program) = compiled(folder.path(), compiler, coverage) else { continue };
        let mut program = Program::start(Mode::Auto, &[program.to_str().expect("is UTF-8")], &[]);
        let (answer, no, operands) = program.ask("zza");
        assert_eq!(answer, "no\n");
        assert!(operands.contains(&pair("zza", "zz9")), "{compiler}: {operands:?}");
        assert!(
            operands
                .iter()
                .any(|pair| [(3, 7), (7, 3)].map(|(left, right)| (json!(left), json!(right))).contains(pair)),
            "{operands:?}"
        );
        let (answer, yes, _) = program.ask("zz9");
        assert_eq!(answer, "yes\n");
        assert_ne!(no, yes, "{compiler}");
    }
}
