"""lm-evaluation-harness: our tasks and our local model inside it.

Our tasks inside the harness: `catalogue` writes the YAML files, `task` is the class that they name. Our model inside
the harness: `model`. The harness's own command with both: `wrapper`. Its backends inside ours are
`suite.models.lm_eval`, its logs `suite.store.lm_eval_logs`. README.md lists the tasks beside the harness's own.

The package is called `suite.lm_eval`; the harness is the absolute `import lm_eval`, in modules that only it imports.
"""
