package search

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/nlpodyssey/safetensors"

	"autodeeplab/internal/atomicfile"
)

// The checkpoint's format, in its metadata.
const (
	CheckpointFormat  = "autodeeplab.search"
	CheckpointVersion = 1
)

// MaxCheckpointBytes is the size of the largest file that is read as a checkpoint.
const MaxCheckpointBytes = 16 << 30

// state is the part of a checkpoint that is no tensor. There is no random generator in it: every random number of a
// search is a function of the seed and of where it is used.
type state struct {
	Options   Options     `json:"options"`
	Data      string      `json:"data"`       // fingerprint of the data set
	Epoch     int         `json:"epoch"`      // epochs finished
	Step      int         `json:"step"`       // steps finished of the epoch after those
	AdamSteps int         `json:"adam_steps"` // steps of α and β
	Sums      runningSums `json:"sums"`       // of the epoch so far
	History   []Record    `json:"history"`
	Finished  bool        `json:"finished"`
}

// tensors lists all tensors of a search by the names they have in a checkpoint, in order of name.
func (s *Search) tensors() []namedTensor {
	var list []namedTensor
	add := func(name string, shape []int, data []float32) { list = append(list, namedTensor{name, shape, data}) }
	for i, w := range s.params.Weights {
		add("weights/"+w.Name, w.Shape, w.Data)
		add("velocity/"+w.Name, w.Shape, s.sgd.Velocity[i])
	}
	for i, a := range []*Parameter[float32]{s.params.Alpha, s.params.Beta} {
		add(a.Name, a.Shape, a.Data)
		add("adam/first/"+a.Name, a.Shape, s.adam.First[i])
		add("adam/second/"+a.Name, a.Shape, s.adam.Second[i])
	}
	for _, m := range s.params.Moments {
		add("moments/mean/"+m.Name, []int{len(m.Mean)}, m.Mean)
		add("moments/variance/"+m.Name, []int{len(m.Variance)}, m.Variance)
	}
	slices.SortFunc(list, func(a, b namedTensor) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	return list
}

type namedTensor struct {
	name  string
	shape []int
	data  []float32
}

// bytes are the elements in little-endian order.
func (t namedTensor) bytes() []byte {
	b := make([]byte, 4*len(t.data))
	for i, v := range t.data {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
	}
	return b
}

// writeCheckpoint writes everything that the search needs to go on, whole or not at all: a safetensors file whose
// metadata hold the format, the state as JSON and a SHA-256 over the state and all tensors.
func (s *Search) writeCheckpoint(path string) error {
	text, err := json.Marshal(&s.state)
	if err != nil {
		return err
	}
	views := make(map[string]safetensors.TensorView)
	sum := sha256.New()
	sum.Write(text)
	for _, t := range s.tensors() {
		data := t.bytes()
		shape := make([]uint64, len(t.shape))
		for i, d := range t.shape {
			shape[i] = uint64(d)
		}
		v, err := safetensors.NewTensorView(safetensors.F32, shape, data)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", t.name, err)
		}
		views[t.name] = v
		digest(sum, t.name, t.shape, data)
	}
	metadata := map[string]string{
		"format": CheckpointFormat, "version": fmt.Sprint(CheckpointVersion), "state": string(text), "sha256": hex.EncodeToString(sum.Sum(nil)),
	}
	return atomicfile.Write(path, func(w io.Writer) error { return safetensors.SerializeToWriter(views, metadata, w) })
}

func digest(w io.Writer, name string, shape []int, data []byte) {
	fmt.Fprintf(w, "\n%q %v\n", name, shape)
	w.Write(data)
}

// checkpoint is a file as it was read, before anything is taken from it.
type checkpoint struct {
	path    string
	state   state
	tensors safetensors.SafeTensors
	sha256  string
	text    string
}

// readCheckpoint reads and checks a file. What its tensors must be is checked by restore.
func readCheckpoint(path string) (*checkpoint, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > MaxCheckpointBytes {
		return nil, fmt.Errorf("%s: %d bytes, want a checkpoint of at most %d", path, info.Size(), int64(MaxCheckpointBytes))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := parseCheckpoint(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.path = path
	return c, nil
}

// errDamaged is what a checkpoint that was cut or changed gives.
var errDamaged = errors.New("the checkpoint is damaged")

func parseCheckpoint(data []byte) (c *checkpoint, err error) {
	defer func() { // the library slices by the header's offsets
		if r := recover(); r != nil {
			c, err = nil, fmt.Errorf("%w: %v", errDamaged, r)
		}
	}()
	_, header, err := safetensors.ReadMetadata(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errDamaged, err)
	}
	metadata := header.Metadata()
	if f := metadata["format"]; f != CheckpointFormat {
		return nil, fmt.Errorf("format %q, want %q: this is no checkpoint of a search", f, CheckpointFormat)
	}
	if v := metadata["version"]; v != fmt.Sprint(CheckpointVersion) {
		return nil, fmt.Errorf("version %q of the format, want %d", v, CheckpointVersion)
	}
	c = &checkpoint{sha256: metadata["sha256"], text: metadata["state"]}
	if c.tensors, err = safetensors.Deserialize(data); err != nil {
		return nil, fmt.Errorf("%w: %v", errDamaged, err)
	}
	d := json.NewDecoder(bytes.NewReader([]byte(c.text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&c.state); err != nil {
		return nil, fmt.Errorf("%w: its state: %v", errDamaged, err)
	}
	return c, nil
}

// restore takes everything from a checkpoint of the same options and data.
func (s *Search) restore(c *checkpoint) error {
	sum := sha256.New()
	io.WriteString(sum, c.text)
	list := s.tensors()
	if n := c.tensors.Len(); n != len(list) {
		return fmt.Errorf("%s: %d tensors, want %d", c.path, n, len(list))
	}
	all := make([][]byte, len(list))
	for i, t := range list {
		v, ok := c.tensors.Tensor(t.name)
		if !ok {
			return fmt.Errorf("%s: tensor %s is missing", c.path, t.name)
		}
		if v.DType() != safetensors.F32 || !slices.EqualFunc(v.Shape(), t.shape, func(a uint64, b int) bool { return a == uint64(b) }) {
			return fmt.Errorf("%s: tensor %s is %v %v, want F32 %v", c.path, t.name, v.DType(), v.Shape(), t.shape)
		}
		all[i] = v.Data()
		digest(sum, t.name, t.shape, v.Data())
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != c.sha256 {
		return fmt.Errorf("%s: %w: SHA-256 of its contents is %s, its header says %q", c.path, errDamaged, got, c.sha256)
	}
	for i, t := range list {
		for j := range t.data {
			t.data[j] = math.Float32frombits(binary.LittleEndian.Uint32(all[i][4*j:]))
		}
	}
	s.state = c.state
	s.adam.Steps = c.state.AdamSteps
	return nil
}
