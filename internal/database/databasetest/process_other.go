//go:build !linux

package databasetest

import (
	"os/exec"
	"syscall"
)

func unprivileged(string) (*syscall.SysProcAttr, error) { return nil, nil }

func spawn(cmd *exec.Cmd) error { return cmd.Start() }
