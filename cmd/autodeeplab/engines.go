package main

import (
	"fmt"

	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxruntime"
)

// engines is what --engine knows, the default first. Opening one may fail: ONNX Runtime needs its library and cgo.
var engines = []struct {
	name, about string
	open        func() (runtime.Engine, error)
}{
	{"runtime", "the embedded engine", func() (runtime.Engine, error) { return runtime.Embedded, nil }},
	{onnxruntime.Name, "ONNX Runtime " + onnxruntime.Version, onnxruntime.New},
}

func engineNames() []string {
	names := make([]string, len(engines))
	for i, e := range engines {
		names[i] = e.name
	}
	return names
}

func openEngine(name string) (runtime.Engine, error) {
	for _, e := range engines {
		if e.name == name {
			engine, err := e.open()
			if err != nil {
				return nil, fmt.Errorf("--engine %s: %w", name, err)
			}
			return engine, nil
		}
	}
	return nil, usagef("--engine %s: unknown, want %s", name, orList(engineNames()))
}
