// Package statefile keeps the state of something that takes hours, as a search or a training, in one file from which it
// goes on to the very same bytes: a safetensors file with all tensors, whose metadata hold the rest as JSON and a SHA-256
// over everything. It is one file because two could be from two instants.
package statefile

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
	"strings"

	"github.com/nlpodyssey/safetensors"

	"autodeeplab/internal/atomicfile"
	"autodeeplab/internal/jsonsize"
)

// MaxBytes is the size of the largest file that is read.
const MaxBytes = 16 << 30

// ErrDamaged is wrapped by the errors of a file that was cut or changed.
var ErrDamaged = errors.New("the checkpoint is damaged")

// ErrFormat is wrapped by the errors of a file that is of another kind.
var ErrFormat = errors.New("another format")

// Kind tells the files of one program part from others.
type Kind struct {
	Format  string // in the metadata, as "autodeeplab.search"
	Version int
	Of      string // for messages, as "a search"
}

// Tensor is a tensor of the state. Read files give their elements to Data.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}

func (t Tensor) bytes() []byte {
	b := make([]byte, 4*len(t.Data))
	for i, v := range t.Data {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
	}
	return b
}

func sorted(tensors []Tensor) []Tensor {
	list := slices.Clone(tensors)
	slices.SortFunc(list, func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Write writes the state, which becomes JSON, and the tensors, whole or not at all. Equal contents give equal bytes,
// whatever the order of the tensors.
func (k Kind) Write(path string, state any, tensors []Tensor) error {
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	views := make(map[string]safetensors.TensorView)
	sum := sha256.New()
	sum.Write(text)
	for _, t := range sorted(tensors) {
		data := t.bytes()
		shape := make([]uint64, len(t.Shape))
		for i, d := range t.Shape {
			shape[i] = uint64(d)
		}
		v, err := safetensors.NewTensorView(safetensors.F32, shape, data)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		views[t.Name] = v
		digest(sum, t.Name, t.Shape, data)
	}
	metadata := map[string]string{
		"format": k.Format, "version": fmt.Sprint(k.Version), "state": string(text), "sha256": hex.EncodeToString(sum.Sum(nil)),
	}
	return atomicfile.Write(path, func(w io.Writer) error { return safetensors.SerializeToWriter(views, metadata, w) })
}

func digest(w io.Writer, name string, shape []int, data []byte) {
	fmt.Fprintf(w, "\n%q %v\n", name, shape)
	w.Write(data)
}

// File is a file as it was read, before anything is taken from it.
type File struct {
	path    string
	text    string
	sha256  string
	tensors safetensors.SafeTensors
}

// Read reads a file of the kind. That it is whole is checked by Restore and Verify. Errors name the file.
func (k Kind) Read(path string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file, want a checkpoint of %s", path, k.Of)
	}
	if info.Size() > MaxBytes {
		return nil, fmt.Errorf("%s: %d bytes, want a checkpoint of at most %d", path, info.Size(), int64(MaxBytes))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return k.Parse(path, data)
}

// Parse is Read for the contents of a file, which errors call by its name.
func (k Kind) Parse(name string, data []byte) (*File, error) {
	f, err := k.parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f.path = name
	return f, nil
}

func (k Kind) parse(data []byte) (f *File, err error) {
	defer func() { // the library slices by the header's offsets
		if r := recover(); r != nil {
			f, err = nil, fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	if len(data) >= 8 { // what is no header of that length is for the library to say
		if n := binary.LittleEndian.Uint64(data); n <= uint64(len(data)-8) {
			if err := jsonsize.Check(data[8 : 8+n]); err != nil {
				return nil, fmt.Errorf("a header of %d bytes: %w", n, err)
			}
		}
	}
	_, header, err := safetensors.ReadMetadata(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	metadata := header.Metadata()
	if f := metadata["format"]; f != k.Format {
		return nil, fmt.Errorf("%w, %.40q, want %q: this is no checkpoint of %s", ErrFormat, f, k.Format, k.Of)
	}
	if v := metadata["version"]; v != fmt.Sprint(k.Version) {
		return nil, fmt.Errorf("version %.40q of the format, want %d", v, k.Version)
	}
	f = &File{text: metadata["state"], sha256: metadata["sha256"]}
	if f.tensors, err = safetensors.Deserialize(data); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	return f, nil
}

// State decodes the JSON into what Write was given; a field that it does not have is an error.
func (f *File) State(into any) error {
	d := json.NewDecoder(bytes.NewReader([]byte(f.text)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w: its state: %v", f.path, ErrDamaged, err)
	}
	return nil
}

// Restore fills the Data of the tensors, which must be all that the file has. Where anything does not fit, or the file is
// damaged, nothing is changed.
func (f *File) Restore(tensors []Tensor) error {
	list := sorted(tensors)
	if n := f.tensors.Len(); n != len(list) {
		return fmt.Errorf("%s: %d tensors, want %d", f.path, n, len(list))
	}
	all := make([][]byte, len(list))
	for i, t := range list {
		v, ok := f.tensors.Tensor(t.Name)
		if !ok {
			return fmt.Errorf("%s: tensor %s is missing", f.path, t.Name)
		}
		if v.DType() != safetensors.F32 || !slices.EqualFunc(v.Shape(), t.Shape, func(a uint64, b int) bool { return a == uint64(b) }) {
			return fmt.Errorf("%s: tensor %s is %v %v, want F32 %v", f.path, t.Name, v.DType(), v.Shape(), t.Shape)
		}
		all[i] = v.Data()
	}
	if err := f.Verify(); err != nil {
		return err
	}
	for i, t := range list {
		for j := range t.Data {
			t.Data[j] = float(all[i], j)
		}
	}
	return nil
}

func float(b []byte, i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])) }

// Verify compares the contents with their SHA-256.
func (f *File) Verify() error {
	sum := sha256.New()
	io.WriteString(sum, f.text)
	for _, name := range f.Names() {
		v, _ := f.tensors.Tensor(name)
		shape := make([]int, len(v.Shape()))
		for i, d := range v.Shape() {
			shape[i] = int(d)
		}
		digest(sum, name, shape, v.Data())
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != f.sha256 {
		return fmt.Errorf("%s: %w: SHA-256 of its contents is %s, its header says %.80q", f.path, ErrDamaged, got, f.sha256)
	}
	return nil
}

// Names lists the tensors in order of name.
func (f *File) Names() []string { return slices.Sorted(slices.Values(f.tensors.Names())) }

// Tensor gives a tensor's shape and elements.
func (f *File) Tensor(name string) (Tensor, bool) {
	v, ok := f.tensors.Tensor(name)
	if !ok || v.DType() != safetensors.F32 {
		return Tensor{}, false
	}
	t := Tensor{Name: name, Data: make([]float32, len(v.Data())/4)}
	for _, d := range v.Shape() {
		t.Shape = append(t.Shape, int(d))
	}
	for i := range t.Data {
		t.Data[i] = float(v.Data(), i)
	}
	return t, true
}
