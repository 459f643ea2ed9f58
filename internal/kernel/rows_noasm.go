//go:build !amd64 || noasm

package kernel

func asmRows() []*rowAsm { return nil }
