package decode

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/nlpodyssey/safetensors"

	"autodeeplab/internal/atomicfile"
)

// A relaxation's file is a safetensors file with two tensors, both F32:
//
//	alpha  [edges, 8]          Relaxation.Alpha
//	beta   [layers, levels, 3] Relaxation.Beta, 0 where masked
//
// and these entries of __metadata__, so that a reader in any language sees what the axes mean:
//
//	format     "autodeeplab.relaxation"
//	version    "1"
//	operators  the operators of α's last axis, comma-separated
//	states     the order of the edges into a block, "H[l-1],H[l-2],blocks"
//	moves      the moves of β's last axis, "up,same,down"
//	info.X     Relaxation.Info["X"]
const (
	// RelaxationFormat and RelaxationVersion mark the files that [ReadRelaxation] reads.
	RelaxationFormat  = "autodeeplab.relaxation"
	RelaxationVersion = 1
	// MaxRelaxationBytes bounds such a file. The largest valid one has a third of it.
	MaxRelaxationBytes = 1 << 20

	infoPrefix = "info."
)

// layoutEntries are the metadata that say what the axes mean. They are the same in every file of this version.
func layoutEntries() map[string]string {
	return map[string]string{
		"format":    RelaxationFormat,
		"version":   strconv.Itoa(RelaxationVersion),
		"operators": strings.Join(operatorNames[:], ","),
		"states":    "H[l-1],H[l-2],blocks",
		"moves":     strings.Join([]string{Up.String(), Same.String(), Down.String()}, ","),
	}
}

// MarshalRelaxation returns the bytes of r's file (see [RelaxationFormat] for the layout). Equal relaxations give equal
// bytes, whatever their masked logits. The error is that of [Relaxation.Validate].
func MarshalRelaxation(r *Relaxation) ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	beta := make([]float32, len(r.Beta))
	for l := range r.Layers {
		for k := range r.Levels {
			for m := range NumMoves {
				if i := r.betaIndex(l, k, m); !r.Masked(l, k, m) {
					beta[i] = r.Beta[i]
				}
			}
		}
	}
	metadata := layoutEntries()
	for key, value := range r.Info {
		metadata[infoPrefix+key] = value
	}
	tensors := make(map[string]safetensors.TensorView)
	for name, t := range map[string]struct {
		data  []float32
		shape []uint64
	}{
		"alpha": {r.Alpha, []uint64{uint64(Edges(r.Blocks)), uint64(NumOperators)}},
		"beta":  {beta, []uint64{uint64(r.Layers), uint64(r.Levels), NumMoves}},
	} {
		data := make([]byte, 0, 4*len(t.data))
		for _, v := range t.data {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v+0)) // + 0 makes -0 a plain 0
		}
		view, err := safetensors.NewTensorView(safetensors.F32, t.shape, data)
		if err != nil {
			return nil, err
		}
		tensors[name] = view
	}
	return safetensors.Serialize(tensors, metadata)
}

// UnmarshalRelaxation parses what [MarshalRelaxation] writes. It is strict: no other tensor, no other entry of metadata,
// and the layout as this version has it. The result is valid, its masked logits 0. Errors about contents are
// [*FieldError]s.
func UnmarshalRelaxation(data []byte) (*Relaxation, error) {
	if len(data) > MaxRelaxationBytes {
		return nil, fieldErrorf("the file", "longer than %d bytes, the limit", MaxRelaxationBytes)
	}
	_, header, err := safetensors.ReadMetadata(data)
	if err != nil {
		return nil, fieldErrorf("the file", "not safetensors: %v", err)
	}
	info, err := readLayout(header.Metadata())
	if err != nil {
		return nil, err
	}
	file, err := safetensors.Deserialize(data)
	if err != nil {
		return nil, fieldErrorf("the file", "not safetensors: %v", err)
	}
	if file.Len() != 2 {
		return nil, fieldErrorf("the file", "%s (want alpha and beta)", count(file.Len(), "tensor"))
	}
	alpha, alphaShape, err := readTensor(file, "alpha", 2)
	if err != nil {
		return nil, err
	}
	beta, betaShape, err := readTensor(file, "beta", 3)
	if err != nil {
		return nil, err
	}
	return newFromTensors(alpha, alphaShape, beta, betaShape, info)
}

// readLayout checks the metadata and returns the Info in them.
func readLayout(metadata map[string]string) (map[string]string, error) {
	layout := layoutEntries()
	// The format first: a file of another kind is to be called that, and not blamed for its fields.
	for _, key := range []string{"format", "version", "operators", "states", "moves"} {
		got, ok := metadata[key]
		if !ok {
			return nil, fieldErrorf(key, "missing from the metadata (want %q)", layout[key])
		}
		if got != layout[key] {
			return nil, fieldErrorf(key, "%s (this program reads %q)", quote(got), layout[key])
		}
	}
	var info map[string]string
	for _, key := range sortedKeys(metadata) {
		name, ok := strings.CutPrefix(key, infoPrefix)
		switch {
		case ok:
			if info == nil {
				info = make(map[string]string)
			}
			info[name] = metadata[key]
		case layout[key] == "":
			return nil, fieldErrorf("the metadata", "unknown entry %s", quote(key))
		}
	}
	return info, nil
}

func readTensor(file safetensors.SafeTensors, name string, axes int) ([]float32, []int, error) {
	t, ok := file.Tensor(name)
	if !ok {
		return nil, nil, fieldErrorf(name, "missing")
	}
	if t.DType() != safetensors.F32 || len(t.Shape()) != axes {
		return nil, nil, fieldErrorf(name, "%s %d (want F32 with %d axes)", t.DType(), t.Shape(), axes)
	}
	shape := make([]int, axes)
	for i, n := range t.Shape() {
		if n > MaxRelaxationBytes {
			return nil, nil, fieldErrorf(name, "an axis of %d", n)
		}
		shape[i] = int(n)
	}
	raw := t.Data()
	data := make([]float32, len(raw)/4)
	for i := range data {
		data[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return data, shape, nil
}

// newFromTensors makes a valid relaxation of α [edges, 8] and β [layers, levels, 3], in the order of the fields, with
// masked logits set to 0.
func newFromTensors(alpha []float32, alphaShape []int, beta []float32, betaShape []int, info map[string]string) (*Relaxation, error) {
	blocks := 0
	for Edges(blocks) < alphaShape[0] && blocks <= MaxBlocks {
		blocks++
	}
	if Edges(blocks) != alphaShape[0] || blocks == 0 {
		return nil, fieldErrorf("alpha", "%s; a cell has 2, 5, 9, 14, 20 … for 1, 2, 3, 4, 5 … blocks (at most %d for %d)",
			count(alphaShape[0], "edge"), Edges(MaxBlocks), MaxBlocks)
	}
	if alphaShape[1] != NumOperators {
		return nil, fieldErrorf("alpha", "shape %d; want [edges, %d], one column an operator", alphaShape, NumOperators)
	}
	if betaShape[2] != NumMoves {
		return nil, fieldErrorf("beta", "shape %d; want [layers, levels, %d]", betaShape, NumMoves)
	}
	r := &Relaxation{Blocks: blocks, Layers: betaShape[0], Levels: betaShape[1], Alpha: alpha, Beta: beta, Info: info}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	for l := range r.Layers {
		for k := range r.Levels {
			for m := range NumMoves {
				if r.Masked(l, k, m) {
					r.Beta[r.betaIndex(l, k, m)] = 0
				}
			}
		}
	}
	return r, nil
}

// ReadRelaxation reads the relaxation in the safetensors file at path. Errors name the file; those of its contents are
// as [UnmarshalRelaxation] gives them. For files of other programs see [ImportRelaxation].
func ReadRelaxation(path string) (*Relaxation, error) {
	data, err := readLimited(path, MaxRelaxationBytes)
	if err != nil {
		return nil, err
	}
	r, err := UnmarshalRelaxation(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// readLimited reads a file, or the first limit+1 bytes of a longer one.
func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// WriteRelaxation writes r to the safetensors file at path, whole or not at all.
func WriteRelaxation(path string, r *Relaxation) error {
	data, err := MarshalRelaxation(r)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, data)
}
