"""A job that runs only when another one fails; nothing fails here, so it ends as BLOCKED, which is no failure."""
import canary

canary.directives.depends_on({"job": "verify", "when": "on_failure"})
canary.directives.keywords("fast")

if __name__ == "__main__":
    print("something is wrong with the chain")
