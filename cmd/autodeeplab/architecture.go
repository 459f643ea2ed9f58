package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"autodeeplab/compile"
	"autodeeplab/decode"
)

// readArchitecture reads the architecture of a command line: a JSON file, an .onnx that carries one in its metadata, or
// the published one where nothing is named.
func (a *app) readArchitecture(args []string) (*decode.Architecture, error) {
	if len(args) == 0 {
		return decode.Published(), nil
	}
	if !isModel(args[0]) {
		return decode.ReadFile(args[0])
	}
	m, err := a.load(args[0])
	if err != nil {
		return nil, err
	}
	arch, err := compile.Architecture(m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", args[0], err)
	}
	return arch, nil
}

func isModel(path string) bool { return strings.EqualFold(filepath.Ext(path), ".onnx") }
