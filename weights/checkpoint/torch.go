package checkpoint

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"path"
	"strconv"
	"strings"

	"github.com/nlpodyssey/gopickle/types"

	"autodeeplab/onnx/tensor"
)

// torchStorage is a run of numbers that tensors are views of. It is not read before a tensor is chosen.
type torchStorage struct {
	kind string // "Float", "Double", …
	key  string
	size int64 // elements
}

// storageTypes are the types of elements of the kinds of storages.
var storageTypes = map[string]tensor.DType{
	"Float": tensor.Float32, "Double": tensor.Float64, "Half": tensor.Float16, "BFloat16": tensor.BFloat16,
	"Byte": tensor.Uint8, "Char": tensor.Int8, "Short": tensor.Int16, "Int": tensor.Int32, "Long": tensor.Int64, "Bool": tensor.Bool,
}

// storageWidths are the bytes of an element of each kind of storage. Not all are read, but in the older form the others
// have to be skipped.
var storageWidths = map[string]int64{
	"Float": 4, "Double": 8, "Half": 2, "BFloat16": 2, "Byte": 1, "Char": 1, "Short": 2, "Int": 4, "Long": 8, "Bool": 1,
	"ComplexFloat": 8, "ComplexDouble": 16,
}

// storageClass is torch.FloatStorage and its like.
type storageClass string

// torchTensor is a strided view of a storage.
type torchTensor struct {
	storage        *torchStorage
	offset         int
	shape, strides []int
}

// rebuild is the function that a pickle calls to make a tensor.
type rebuild struct{}

// Call implements [types.Callable] as torch._utils._rebuild_tensor_v2 (storage, offset, size, stride, …) does.
func (rebuild) Call(args ...any) (any, error) {
	if len(args) < 4 {
		return nil, errors.New("a tensor of too few arguments")
	}
	t := &torchTensor{}
	var ok [2]bool
	t.storage, ok[0] = args[0].(*torchStorage)
	t.offset, ok[1] = args[1].(int)
	shape, err := intTuple(args[2])
	strides, err2 := intTuple(args[3])
	if !ok[0] || !ok[1] || err != nil || err2 != nil || len(shape) != len(strides) || t.offset < 0 {
		return nil, errors.New("a tensor with arguments of the wrong type")
	}
	t.shape, t.strides = shape, strides
	return t, nil
}

// first is torch._utils._rebuild_parameter, which returns its first argument.
type first struct{}

// Call implements [types.Callable].
func (first) Call(args ...any) (any, error) {
	if len(args) == 0 {
		return nil, errors.New("a parameter without a tensor")
	}
	return args[0], nil
}

func intTuple(v any) ([]int, error) {
	t, ok := v.(*types.Tuple)
	if !ok {
		return nil, errors.New("not a tuple")
	}
	list := make([]int, t.Len())
	for i := range list {
		if list[i], ok = t.Get(i).(int); !ok || list[i] < 0 {
			return nil, errors.New("not a tuple of sizes")
		}
	}
	return list, nil
}

// findTorch makes the classes and functions that tensors are pickled with.
func findTorch(module, name string) any {
	switch {
	case module == "torch._utils" && strings.HasPrefix(name, "_rebuild_tensor"):
		return rebuild{}
	case module == "torch._utils" && strings.HasPrefix(name, "_rebuild_parameter"):
		return first{}
	case (module == "torch" || module == "torch.cuda") && strings.HasSuffix(name, "Storage"):
		return storageClass(strings.TrimSuffix(name, "Storage"))
	}
	return nil
}

// storageTable is the storages that a pickle refers to, by key.
type storageTable map[string]*torchStorage

// load implements PyTorch's persistent ids: ("storage", class, key, location, elements, …), and in the older form
// ("module", class, …).
func (s storageTable) load(id any) (any, error) {
	t, ok := id.(*types.Tuple)
	if !ok || t.Len() == 0 {
		return nil, errors.New("a persistent id that is not PyTorch's")
	}
	switch t.Get(0) {
	case "module":
		if t.Len() > 1 {
			return t.Get(1), nil
		}
	case "storage":
		if t.Len() < 5 {
			break
		}
		class, ok1 := t.Get(1).(storageClass)
		key, ok2 := t.Get(2).(string)
		size, ok3 := t.Get(4).(int)
		if !ok1 || !ok2 || !ok3 || size < 0 {
			break
		}
		if t.Len() > 5 && t.Get(5) != nil {
			return nil, errors.New("views of storages, as PyTorch before 0.4 wrote them: save it again with a later one")
		}
		known := s[key]
		if known == nil {
			known = &torchStorage{kind: string(class), key: key, size: int64(size)}
			s[key] = known
		}
		return known, nil
	}
	return nil, errors.New("a persistent id that is not PyTorch's")
}

// torchTensors lists the tensors of PyTorch's zip form, of a file of size bytes: data.pkl, and each storage in data/KEY
// beside it.
func torchTensors(z *zip.Reader, pkl *zip.File, size int64) ([]Tensor, error) {
	folder := path.Dir(pkl.Name)
	entries := make(map[string]*zip.File, len(z.File))
	for _, entry := range z.File {
		entries[entry.Name] = entry
	}
	if entries[path.Join(folder, "constants.pkl")] != nil {
		return nil, errors.New("a TorchScript archive (want a checkpoint, as torch.save writes it)")
	}
	if entry := entries[path.Join(folder, "byteorder")]; entry != nil {
		if order, err := readEntry(entry, 64); err != nil || string(order) != "little" {
			return nil, errors.New("its numbers are not in little-endian order")
		}
	}
	data, err := readEntry(pkl, MaxPickleBytes)
	if err != nil {
		return nil, err
	}
	value, _, err := unpickle(data, newPickleBudget(size), findTorch, make(storageTable).load)
	if err != nil {
		return nil, err
	}
	return namedTensors(value, func(s *torchStorage, start, n int64) ([]byte, error) {
		entry := entries[path.Join(folder, "data", s.key)]
		if entry == nil {
			return nil, fmt.Errorf("its storage %s is not in the archive", Quote(s.key))
		}
		r, err := entry.Open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		if _, err := io.CopyN(io.Discard, r, start); err != nil {
			return nil, errCutOff
		}
		return readExactly(r, n)
	})
}

// What the older form starts with: two pickles of these numbers.
const (
	legacyMagic    = "1950a86a20f9469cfc6c" // hexadecimal
	legacyProtocol = 1001
)

// legacyTensors lists the tensors of PyTorch's form before 1.6: five pickles (magic number, protocol, about the machine,
// the object, the keys of the storages), then each storage, an int64 of its elements before it.
func legacyTensors(r io.ReaderAt, size int64) ([]Tensor, error) {
	head := make([]byte, min(size, MaxPickleBytes))
	if n, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	} else if n < len(head) {
		return nil, errCutOff
	}
	budget := newPickleBudget(size)
	magic, rest, err := unpickle(head, budget, nil, nil)
	if n, ok := magic.(*big.Int); err != nil || !ok || n.Text(16) != legacyMagic {
		return nil, errors.New("a pickle, but not one that torch.save wrote")
	}
	protocol, rest, err := unpickle(rest, budget, nil, nil)
	if err != nil || protocol != legacyProtocol {
		return nil, fmt.Errorf("PyTorch's protocol %v (want %d)", protocol, legacyProtocol)
	}
	if _, rest, err = unpickle(rest, budget, nil, nil); err != nil {
		return nil, err
	}
	storages := make(storageTable)
	value, rest, err := unpickle(rest, budget, findTorch, storages.load)
	if err != nil {
		return nil, err
	}
	keys, rest, err := unpickle(rest, budget, nil, nil)
	if err != nil {
		return nil, err
	}
	offsets, err := legacyOffsets(r, int64(len(head)-len(rest)), size, keys, storages)
	if err != nil {
		return nil, err
	}
	return namedTensors(value, func(s *torchStorage, start, n int64) ([]byte, error) {
		at, ok := offsets[s.key]
		if !ok {
			return nil, errCutOff
		}
		return readExactly(io.NewSectionReader(r, at+start, n), n)
	})
}

// legacyOffsets finds where each storage's numbers start in a file of the older form; at is where the first one does.
func legacyOffsets(r io.ReaderAt, at, size int64, keys any, storages storageTable) (map[string]int64, error) {
	list, ok := keys.(*types.List)
	if !ok {
		return nil, errors.New("no list of storages")
	}
	offsets := make(map[string]int64, len(storages))
	for _, k := range *list {
		key, _ := k.(string)
		s := storages[key]
		if s == nil {
			return nil, fmt.Errorf("a storage %s that no tensor uses", Quote(key))
		}
		width, known := storageWidths[s.kind]
		if !known {
			return nil, fmt.Errorf("a storage of kind %s, which is not known", Quote(s.kind))
		}
		var count [8]byte
		if n, err := r.ReadAt(count[:], at); n < len(count) {
			return nil, fmt.Errorf("the storages are cut off: %w", err)
		}
		n := binary.LittleEndian.Uint64(count[:])
		at += int64(len(count))
		if n != uint64(s.size) || n > uint64(size-at)/uint64(width) {
			return nil, fmt.Errorf("%d elements in storage %s, where the pickle says %d and %d bytes are left", n, Quote(key), s.size, size-at)
		}
		offsets[key] = at
		at += int64(n) * width
	}
	return offsets, nil
}

// maxVisits bounds the values that are looked at for tensors; a pickle can refer to one list a million times over.
const maxVisits = 4 << 20

// maxNameBytes bounds the name of a tensor in a pickle, which may hold that of a list with thousands of them.
const maxNameBytes = 1 << 10

// namedTensors lists the tensors in a pickle's value: in dictionaries (such as a state_dict), lists, tuples, and the
// attributes of objects, under names with a dot between. read returns n bytes of a storage from start on.
func namedTensors(value any, read func(s *torchStorage, start, n int64) ([]byte, error)) ([]Tensor, error) {
	var tensors []Tensor
	visits := 0
	const deepest = 8
	var long error
	var visit func(name string, v any, depth int)
	visit = func(name string, v any, depth int) {
		if visits++; depth > deepest || visits > maxVisits || len(tensors) > MaxTensors || long != nil {
			return
		}
		if len(name) > maxNameBytes {
			long = fmt.Errorf("a name of %d bytes or more, at most %d are read", len(name), maxNameBytes)
			return
		}
		child := func(key, v any) {
			part, ok := key.(string)
			if n, isInt := key.(int); isInt {
				part, ok = strconv.Itoa(n), true
			}
			if !ok {
				return
			}
			if name != "" {
				part = name + "." + part
			}
			visit(part, v, depth+1)
		}
		switch v := v.(type) {
		case *torchTensor:
			tensors = append(tensors, v.named(name, read))
		case *types.Dict:
			for _, e := range *v {
				child(e.Key, e.Value)
			}
		case *types.OrderedDict:
			for e := v.List.Front(); e != nil; e = e.Next() {
				entry := e.Value.(*types.OrderedDictEntry)
				child(entry.Key, entry.Value)
			}
		case *types.List:
			for i, e := range *v {
				child(i, e)
			}
		case *types.Tuple:
			for i, e := range *v {
				child(i, e)
			}
		case *opaque:
			visit(name, v.state, depth+1)
		}
	}
	visit("", value, 0)
	if long != nil {
		return nil, long
	}
	if visits > maxVisits {
		return nil, fmt.Errorf("more than %d values, the limit", maxVisits)
	}
	return tensors, nil
}

// named is the tensor as part of a checkpoint.
func (t *torchTensor) named(name string, read func(s *torchStorage, start, n int64) ([]byte, error)) Tensor {
	kind := t.storage.kind
	out := Tensor{Name: name, Shape: t.shape, Type: kind, DType: storageTypes[kind], strides: t.strides}
	out.storage = func() ([]byte, error) {
		span, err := t.span()
		if err != nil {
			return nil, err
		}
		width := storageWidths[kind]
		return read(t.storage, int64(t.offset)*width, span*width)
	}
	return out
}

// span is how many elements of the storage there are from the tensor's first to its last. A view of a larger tensor is
// spread over more than its own; over many times as much, nothing that a program would save.
func (t *torchTensor) span() (int64, error) {
	n, err := checkShape(t.shape)
	if err != nil {
		return 0, err
	}
	most := 64*int64(n) + 1<<16
	span := int64(1)
	for i, d := range t.shape {
		if d > 1 && int64(t.strides[i]) > most/int64(d-1) {
			return 0, fmt.Errorf("strides of %d for the shape %s", t.strides, tensor.FormatShape(t.shape))
		}
		span += int64(d-1) * int64(t.strides[i])
	}
	if n == 0 {
		span = 0
	}
	if span > t.storage.size-int64(t.offset) || span > most {
		return 0, fmt.Errorf("shape %s with strides %d from %d on, in a storage of %d elements", tensor.FormatShape(t.shape), t.strides, t.offset, t.storage.size)
	}
	return span, nil
}
