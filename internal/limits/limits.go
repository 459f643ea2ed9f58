// Package limits is the table of the bounds that keep a stranger's file from taking this machine: what they are called, what
// they are without being asked, and which field of which package's options they set. Each package enforces its own.
package limits

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"autodeeplab/dataset"
	"autodeeplab/evaluate"
	"autodeeplab/internal/imageio"
	"autodeeplab/internal/jsonsize"
	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/runtime"
	"autodeeplab/weights/checkpoint"
)

// Set is the limits in force. The zero value is not one: use Default.
type Set struct{ values [len(table)]int64 }

// Limit is one row of the table.
type Limit struct {
	Name string
	// Unit is what Default counts.
	Unit    string
	Default int64
	// Bounds says in a few words what is bounded.
	Bounds string
}

// The rows that --limit can change. Tests and SECURITY.md hold the same table.
const (
	modelBytes = iota
	externalBytes
	modelParts
	textBytes
	listBytes
	tensorElements
	foldedElements
	dimensions
	runBytes
	picturePixels
	averageBytes
	seconds
	count
)

var table = [count]Limit{
	modelBytes:     {"model-bytes", "bytes", onnx.DefaultMaxProto, "an .onnx file, without external data"},
	externalBytes:  {"external-bytes", "bytes", onnx.DefaultMaxExternal, "all tensors of a model in external files"},
	modelParts:     {"model-parts", "parts", onnx.DefaultMaxParts, "nodes, attributes, tensors, dimensions and names of a model"},
	textBytes:      {"text-bytes", "bytes", onnx.DefaultMaxText, "one name, text or metadata value in a model"},
	listBytes:      {"list-bytes", "bytes", onnx.DefaultMaxGrowth, "by how much lists of numbers in a model may grow when decoded"},
	tensorElements: {"tensor-elements", "elements", int64(op.DefaultLimits.MaxElems), "any one tensor of a network"},
	foldedElements: {"folded-elements", "elements", int64(op.DefaultLimits.MaxFold), "a tensor that is computed while a model is loaded"},
	dimensions:     {"dimensions", "dimensions", int64(op.DefaultLimits.MaxDims), "the rank of a tensor"},
	runBytes:       {"run-bytes", "bytes", int64(op.DefaultLimits.MaxMemory), "all tensors of one run of a network, weights apart"},
	picturePixels:  {"picture-pixels", "pixels", imageio.DefaultMaxPixels, "a picture that is read, checked before it is decoded"},
	averageBytes:   {"average-bytes", "bytes", evaluate.DefaultMaxSums, "probabilities of several views or windows that are averaged"},
	seconds:        {"seconds", "seconds", 0, "how long a command may take, 0 for no limit"},
}

// Fixed are the limits that nothing changes.
var Fixed = []Limit{
	{"nesting", "levels", onnx.MaxNesting, "messages in messages of a model"},
	{"picture-side", "pixels", imageio.MaxSide, "width and height of a picture"},
	{"data-pixels", "pixels", dataset.MaxPixels, "a picture or label map of a data set"},
	{"checkpoint-tensors", "tensors", checkpoint.MaxTensors, "a checkpoint of another program"},
	{"checkpoint-index", "bytes", checkpoint.MaxTableBytes, "the index of a TensorFlow checkpoint, decompressed"},
	{"checkpoint-header", "bytes", checkpoint.MaxSafetensorsHeader, "the header of a safetensors file"},
	{"header-elements", "elements", jsonsize.MaxElements, "names and numbers in such a header, and in that of a search's or training's state"},
	{"pickle-bytes", "bytes", checkpoint.MaxPickleBytes, "the pickle of a PyTorch file; nothing in it is executed"},
	{"pickle-memory", "bytes", checkpoint.MaxPickleCost, "what parsing it may allocate, beyond as many bytes as the file has"},
}

// Default gives the limits of the table.
func Default() *Set {
	s := new(Set)
	for i, l := range table {
		s.values[i] = l.Default
	}
	return s
}

// Table lists the limits that can be set.
func Table() []Limit { return slices.Clone(table[:]) }

// Value gives the value in force of a limit of the table.
func (s *Set) Value(name string) int64 { return s.values[index(name)] }

func index(name string) int {
	return slices.IndexFunc(table[:], func(l Limit) bool { return l.Name == name })
}

// Names lists what can be set.
func Names() []string {
	names := make([]string, len(table))
	for i, l := range table {
		names[i] = l.Name
	}
	return names
}

// Parse sets limits from a text as "run-bytes=512M,seconds=60". K, M and G are powers of 1024. The error says what is
// wrong with which, and s is unchanged.
func (s *Set) Parse(text string) error {
	values := s.values
	for _, word := range strings.Split(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(word), "=")
		i := index(name)
		if !ok || i < 0 {
			return fmt.Errorf("%.60q, want NAME=VALUE of %s", word, strings.Join(Names(), ", "))
		}
		n, err := parseValue(value)
		if err != nil || n == 0 && table[i].Default != 0 {
			return fmt.Errorf("%s=%.30s, want a number of %s of 1 or more, as 4096 or 512M (default %s)", name, value, table[i].Unit, table[i].Value())
		}
		values[i] = n
	}
	s.values = values
	return nil
}

func parseValue(text string) (int64, error) {
	shift := 0
	if n := len(text); n > 1 {
		if k := strings.IndexByte("KMG", text[n-1]); k >= 0 {
			text, shift = text[:n-1], 10*(k+1)
		}
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err == nil && n > math.MaxInt64>>shift {
		err = strconv.ErrRange
	}
	return int64(n) << shift, err
}

// Value is the default in words: "512 MiB", "16", "none".
func (l Limit) Value() string { return format(l.Default, l.Unit) }

// Text is the value in force in words.
func (s *Set) Text(name string) string { return format(s.Value(name), table[index(name)].Unit) }

func format(n int64, unit string) string {
	switch {
	case n == 0:
		return "none"
	case unit == "bytes" && (n+1)%(1<<30) == 0: // protobuf's 2 GiB less one
		return fmt.Sprintf("%d GiB − 1", (n+1)>>30)
	case unit == "bytes" && n%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", n>>30)
	case unit == "bytes" && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case unit == "bytes" && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return strconv.FormatInt(n, 10)
}

// Load gives the options for loading models.
func (s *Set) Load() onnx.LoadOptions {
	return onnx.LoadOptions{
		MaxProto: s.values[modelBytes], MaxExternal: s.values[externalBytes],
		MaxParts: s.int(modelParts), MaxText: s.int(textBytes), MaxGrowth: s.int(listBytes),
	}
}

// Tensors gives the limits of inference and of runs.
func (s *Set) Tensors() *op.Limits {
	return &op.Limits{MaxElems: s.int(tensorElements), MaxFold: s.int(foldedElements), MaxDims: s.int(dimensions), MaxMemory: s.int(runBytes)}
}

// Engine gives an engine's options.
func (s *Set) Engine(threads int) runtime.Options {
	return runtime.Options{Threads: threads, Limits: s.Tensors(), File: s.Load()}
}

// Pixels bounds the area of a picture.
func (s *Set) Pixels() int { return s.int(picturePixels) }

// Averages bounds the memory of probabilities.
func (s *Set) Averages() int64 { return s.values[averageBytes] }

// Time is how long a command may take, 0 for no limit.
func (s *Set) Time() time.Duration {
	return time.Duration(min(s.values[seconds], int64(math.MaxInt64/time.Second))) * time.Second
}

func (s *Set) int(i int) int { return int(min(s.values[i], math.MaxInt)) }
