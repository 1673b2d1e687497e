"""The exit codes by which a test reports its verdict."""

success_exit_status = 0
diff_exit_status = 64
fail_exit_status = 65
timeout_exit_status = 68
skip_exit_status = 80
