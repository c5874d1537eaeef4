//! The `touchpath` binary: parses, starts the runtime, turns the outcome into an exit code.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

use touchpath::cli::{Args, Context};
use touchpath::config::{Config, Environment, LogFormat};
use touchpath::error::{Exit, Failure};
use touchpath::printer::{Printer, Talk};

/// How long an interrupted command may tidy up.
const PATIENCE: Duration = Duration::from_secs(3);

/// The main thread's usual stack: plans of long queries are walked recursively.
const STACK: usize = 8 << 20;

fn main() -> ExitCode {
    let started = Instant::now();
    let printer = Printer::new(Talk::Normal);
    let environment = match Environment::of_process() {
        Ok(environment) => environment,
        Err(error) => {
            return ended(
                &printer,
                Err(Failure::usage(format!("no current folder: {error}"))),
            );
        }
    };
    let printer = if environment.no_color() {
        printer.without_color()
    } else {
        printer
    };
    match Args::try_parse() {
        Ok(args) => {
            let printer = printer.with_talk(args.talk());
            let outcome = prepare(&args, &environment, printer.clone(), started)
                .and_then(|(runtime, context)| supervise(runtime, args, context));
            ended(&printer, outcome)
        }
        Err(said) => match printer.usage(&said) {
            Ok(()) if said.use_stderr() => code(Exit::Usage),
            outcome => ended(&printer, outcome),
        },
    }
}

fn prepare(
    args: &Args,
    environment: &Environment,
    printer: Printer,
    started: Instant,
) -> Result<(Runtime, Context), Failure> {
    let config = Config::load(environment, args.settings_file(), args.settings())?;
    log(&config)?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(args.threads(&config))
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Store, &error))?;
    let context = Context {
        config,
        settings_file: args.settings_file().map(Into::into),
        printer,
        now,
        started,
    };
    Ok((runtime, context))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the clock"
)]
fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

fn log(config: &Config) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&config.log).map_err(|error| {
        Failure::usage(format!("`log` must be a filter of log events: {error}"))
            .with_hint("for example `info` or `touchpath=debug`")
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => lines.with_ansi(false).init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

/// Runs the command on a thread of its own, so that Ctrl-C is heard whatever it is doing.
///
/// The command's future is dropped first, which lets it remove its temporary files; a command
/// that does not come to a halt is left behind.
fn supervise(runtime: Runtime, args: Args, context: Context) -> Result<(), Failure> {
    let (interrupt, interrupted) = oneshot::channel::<()>();
    let (finish, mut finished) = oneshot::channel();
    // Heard from before the command begins, unless Ctrl-C is the command's own business.
    let listens = !args.handles_interrupt();
    let entered = runtime.enter();
    let interrupts = listens.then(|| signal(SignalKind::interrupt())).transpose();
    let mut interrupts = interrupts.map_err(|error| Failure::new(Exit::Store, &error))?;
    drop(entered);

    let handle = runtime.handle().clone();
    let worker = std::thread::Builder::new()
        .name("command".to_owned())
        .stack_size(STACK);
    let spawned = worker.spawn(move || {
        let outcome = handle.block_on(async {
            tokio::select! {
                outcome = args.run(&context) => outcome,
                Ok(()) = interrupted => Err(interruption()),
            }
        });
        // Nobody waits any more when the patience is over.
        drop(finish.send(outcome));
    });
    spawned.map_err(|error| Failure::new(Exit::Store, &error))?;

    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = &mut finished => return outcome.unwrap_or_else(|_| Err(crash())),
            () = next(interrupts.as_mut()) => {}
        }
        if interrupt.send(()).is_err() {
            tracing::debug!("the command had just ended");
        }
        match tokio::time::timeout(PATIENCE, finished).await {
            Ok(Ok(outcome)) => outcome,
            _ => Err(interruption()),
        }
    });
    runtime.shutdown_background();
    outcome
}

/// Waits for the next interrupt; for ever when nobody listens.
async fn next(interrupts: Option<&mut Signal>) {
    match interrupts {
        Some(interrupts) => {
            interrupts.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn interruption() -> Failure {
    Failure {
        exit: Exit::Interrupted,
        message: "interrupted".to_owned(),
        hint: None,
    }
}

fn crash() -> Failure {
    Failure {
        exit: Exit::Store,
        message: "the command crashed".to_owned(),
        hint: None,
    }
}

fn ended(printer: &Printer, outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => code(Exit::Done),
        Err(failure) => {
            printer.failure(&failure);
            code(failure.exit)
        }
    }
}

fn code(exit: Exit) -> ExitCode {
    ExitCode::from(exit as u8)
}
