//! The HTML report in a real browser: headless Chromium.

use std::path::Path;
use std::process::Command;

use crate::program::Program;

/// What the page tells of itself at a width, by way of a frame of that width.
fn seen_at(folder: &Path, width: u32) -> String {
    let frame = format!(
        "<!doctype html><title>waiting</title>\
         <iframe scrolling=no src=report.html style='border:0;width:{width}px;height:900px'></iframe>\
         <script>document.querySelector('iframe').onload = event => {{\
           const page = event.target.contentDocument;\
           const outside = page.querySelectorAll('[src], link').length;\
           document.title = [page.documentElement.scrollWidth, \
             page.querySelectorAll('section').length, page.querySelectorAll('svg').length > 0, \
             outside].join(' ');\
         }}</script>"
    );
    std::fs::write(folder.join("frame.html"), frame).unwrap();
    let profile = folder.join("profile");
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args([
            "--allow-file-access-from-files",
            "--virtual-time-budget=5000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(folder.join("frame.html"))
        .output()
        .expect("chromium is installed by .ci/run");
    let page = String::from_utf8(output.stdout).unwrap();
    let title = page
        .split_once("<title>")
        .unwrap()
        .1
        .split_once("</title>")
        .unwrap()
        .0;
    title.to_owned()
}

#[test]
fn the_report_fits_a_phone_and_a_desk_and_loads_nothing() {
    let program = Program::new();
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/data/demo");
    let out = program.folder().to_str().unwrap().to_owned();
    let page = format!("{out}/report.html");
    let run = [
        "run",
        "--lake",
        demo,
        "--out",
        &out,
        "--since",
        "2025-01-01",
    ];
    let report = ["report", "--out", &out, "--format", "html", "-o", &page];
    for arguments in [&run[..], &report[..]] {
        assert!(program.command(arguments).status().unwrap().success());
    }
    for width in [390, 1280] {
        // As wide as the frame: nothing sticks out. Then sections, charts, foreign loads.
        assert_eq!(
            seen_at(program.folder(), width),
            format!("{width} 12 true 0")
        );
    }
}
