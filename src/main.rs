//! The `sk-sync` binary.

fn main() -> std::process::ExitCode {
    sk_sync::cli::main()
}
