//go:build !amd64 || noasm

package kernel

func asmTraining() []*trainAsm { return nil }
