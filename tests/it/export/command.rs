//! The command itself: what it prints of an export that would be, was, or should have been.

use super::{Lake, postgres};
use crate::program::Program;

#[tokio::test]
async fn a_dry_run_an_export_its_verification_and_its_repair() {
    let database = postgres::Database::create("command").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create table public.t (id integer primary key, name varchar(9), phone text);
             insert into public.t select id, 'n', '1' from generate_series(1, 300) as id;
             analyze public.t;",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let folder = lake.folder.path().to_str().unwrap().to_owned();
    let program = Program::new().with("TOUCHPATH_FROM", &database.url());
    let export =
        |flag: &[&str]| program.run(&[&["export", "public.t", "--lake", &folder], flag].concat());

    let said = export(&["--dry-run", "--format", "csv"]);
    let size = "select pg_table_size('public.t')::text";
    let bytes = super::printed(&client, size).await[0][0].clone().unwrap();
    let planned = format!(
        "table,estimated_rows,estimated_bytes,parts,column,postgres,lake,contacts\n\
         public.t,300,{bytes},1,id,integer,Int32,\n\
         public.t,300,{bytes},1,name,character varying(9),Utf8,\n\
         public.t,300,{bytes},1,phone,,,drop\n"
    );
    assert!(said.contains(&planned), "{said}");
    assert_eq!(lake.files(), [""; 0]);

    let said = export(&["--format", "csv"]);
    assert!(said.starts_with("exit: 0"), "{said}");
    let part = lake.only_part("public/t");
    let bytes = std::fs::metadata(&part).unwrap().len();
    assert!(
        said.contains(&format!("public.t,300,{bytes},1,id\n")),
        "{said}"
    );

    let said = export(&["--verify", "--format", "csv"]);
    assert!(said.starts_with("exit: 0"), "{said}");
    assert!(said.contains(",300,whole,300,300\n"), "{said}");
    client
        .batch_execute("delete from public.t where id = 1")
        .await
        .unwrap();
    std::fs::write(&part, "damaged").unwrap();
    let said = export(&["--verify", "--format", "csv"]);
    assert!(said.starts_with("exit: 1"), "{said}");
    assert!(said.contains(",300,changed,300,299\n"), "{said}");
    assert!(
        said.contains("1 of 1 parts are not what the database gave"),
        "{said}"
    );

    let said = export(&["--repair"]);
    assert!(said.starts_with("exit: 0"), "{said}");
    assert!(
        said.contains("0 of 1 parts of the last export stood, 1 read anew"),
        "{said}"
    );
    assert!(export(&["--verify"]).starts_with("exit: 0"));
}

#[tokio::test]
async fn that_row_security_hides_rows_is_said() {
    let database = postgres::Database::create("secured").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create role secured_reader login;
             create table public.t as select id from generate_series(1, 3) as id;
             create policy few on public.t for select using (id < 3);
             alter table public.t enable row level security;
             grant select on public.t to secured_reader;",
        )
        .await
        .unwrap();
    let warning = "row security: only those rows are exported that the role may see";
    let export = |user: &str| {
        let lake = Lake::create();
        let url = database.url().replace("postgres@", &format!("{user}@"));
        let program = Program::new().with("TOUCHPATH_FROM", &url);
        let folder = lake.folder.path().to_str().unwrap();
        program.run(&["export", "public.t", "--lake", folder, "--format", "csv"])
    };
    let said = export("secured_reader");
    assert!(said.contains("public.t,2,"), "{said}");
    assert!(said.contains(warning), "{said}");
    // Policies do not hold for the owner of the table.
    let said = export("postgres");
    assert!(said.contains("public.t,3,"), "{said}");
    assert!(!said.contains(warning), "{said}");
}
