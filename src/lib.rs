//! Multi-touch attribution over a Parquet lake.
//!
//! ```text
//! Postgres --export--> lake (raw/ stg/) --engine--> SQL over tables and our functions
//!               demo----^                                  |
//!                                             queries/**/*.sql --pipeline--> prod/
//!                                                                              |
//! people <----------------------- report, sql, shell <-------------------------+
//! ```
//!
//! A *touch* is one event of a client in the CRM, a *contract* one with money, a *path* the
//! touches up to it. A run numbers the touches of every client, shares each contract's money
//! among the touches of its path, and publishes the datasets as one folder that appears whole.
//! `docs/architecture.md` says why it is built so; `tests/architecture.rs` keeps the modules
//! from naming one another in other ways.
//!
//! At the edge: [`cli`] holds one file per command, [`config`] turns flags, variables and the
//! settings file into checked settings and alone reads the environment, [`printer`] alone
//! writes to stdout and stderr, [`error`] gives every failure its exit code, words and hint.
//!
//! [`export`] copies Postgres tables into a lake, exactly, over one snapshot; all files are in
//! place only when every table was read.
//!
//! [`demo`] makes the synthetic lake from a plan of counts and a seed, as Parquet or as rows in
//! Postgres.
//!
//! [`schema`] names every table that is read: columns, types, key, what is required. The demo,
//! the export and the check of a run's inputs share it.
//!
//! [`storage`] is a folder or an S3 prefix behind one object store; a write appears under its
//! final name complete or not at all.
//!
//! [`lake`] knows which files make which table, keeps the manifests of exports, and commits
//! runs: the highest commit names the current run.
//!
//! [`attribution`] is the maths: weights of a path by nine models, and an amount of cents split
//! so that the parts sum to it. It knows no table and no file.
//!
//! [`platform`] compiles a rule set and decides a touch's platform, channel, method and
//! confidence from its raw source fields.
//!
//! [`engine`] opens a SQL session over a lake and its current run, lays views of exact types
//! over the inputs, and holds our functions: scalar ones over `attribution` and `platform`,
//! table functions that walk over touches in client order, once.
//!
//! [`pipeline`] reads the query files, orders them by what they read, computes and checks each,
//! and writes one Parquet file per dataset. It does not know what attribution is.
//!
//! [`report`] reads the datasets of a published run and renders them for a terminal, as
//! Markdown, JSON or one HTML file.
//!
//! [`shell`] runs statements that read, typed by hand, piped or from a file; [`output`] writes
//! their results as tables, CSV, JSON, Markdown or Parquet.

pub mod attribution;
pub mod cli;
pub mod config;
pub mod demo;
pub mod engine;
pub mod error;
pub mod export;
pub mod lake;
pub mod output;
pub mod pipeline;
pub mod platform;
pub mod printer;
pub mod report;
pub mod schema;
pub mod shell;
pub mod storage;
