package decode

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"autodeeplab/internal/atomicfile"
)

// ArchitectureFormat and ArchitectureVersion mark the JSON form that this package reads and writes, in its fields
// "format" and "version".
const (
	ArchitectureFormat  = "autodeeplab.architecture"
	ArchitectureVersion = 1
)

// Marshal returns the canonical JSON form of a: UTF-8, fields in a fixed order, two spaces of indentation, one line a
// block, a newline at the end. Equal architectures give equal bytes. An architecture that is not valid is refused with
// the error of [Architecture.Validate].
func Marshal(a *Architecture) ([]byte, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n  \"format\": %q,\n  \"version\": %d,\n  \"name\": ", ArchitectureFormat, ArchitectureVersion)
	b.Write(jsonString(a.Name))
	b.WriteString(",\n  \"cell\": [\n")
	for i, block := range a.Cell {
		b.WriteString("    [")
		for j, branch := range block {
			if j > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, `{"input": %d, "op": "%s"}`, branch.Input, branch.Op)
		}
		b.WriteString("]")
		if i < len(a.Cell)-1 {
			b.WriteString(",")
		}
		b.WriteString("\n")
	}
	b.WriteString("  ],\n  \"path\": [")
	for l, k := range a.Path {
		if l > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, k)
	}
	b.WriteString("]\n}\n")
	return b.Bytes(), nil
}

// jsonString leaves <, > and & as they are, unlike json.Marshal.
func jsonString(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string into memory: no error is possible
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// MarshalJSON implements [json.Marshaler] with the form of [Marshal], which encoding/json then compacts to one line.
func (a Architecture) MarshalJSON() ([]byte, error) { return Marshal(&a) }

// UnmarshalJSON implements [json.Unmarshaler] by [Unmarshal]. On an error a is as it was.
func (a *Architecture) UnmarshalJSON(data []byte) error {
	p, err := Unmarshal(data)
	if err == nil {
		*a = *p
	}
	return err
}

// Fingerprint returns the SHA-256, in hexadecimal, of the canonical JSON form with an empty name: the same for the
// same network whatever it is called, on every machine and in every release that writes this [ArchitectureVersion].
// The error is that of [Architecture.Validate].
func (a *Architecture) Fingerprint() (string, error) {
	data, err := Marshal(&Architecture{Cell: a.Cell, Path: a.Path})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// ReadFile reads the architecture in the JSON file at path. Errors name the file; those of its contents are as
// [Unmarshal] gives them. No more than [MaxFileBytes] are read.
func ReadFile(path string) (*Architecture, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err != nil {
		return nil, err
	}
	a, err := Unmarshal(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// WriteFile writes the canonical JSON form of a to the file at path, whole or not at all.
func WriteFile(path string, a *Architecture) error {
	data, err := Marshal(a)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, data)
}
