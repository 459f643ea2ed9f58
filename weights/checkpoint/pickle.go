package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// Limits of a pickle. A checkpoint of the paper's supernet with its optimiser has about 1.5 million opcodes in 5 MB.
const (
	MaxPickleBytes = 32 << 20
	// MaxPickleCost bounds what parsing the pickles of a file may allocate, in bytes, as opcodeCost estimates it: so much
	// and as many bytes as the file has. A pickle of many opcodes belongs to a file of many tensors.
	MaxPickleCost = 48 << 20
	// maxNumberLine bounds numbers that are written out: reading one takes the square of its length.
	maxNumberLine = 1 << 12
)

// Arguments of pickle opcodes.
const (
	noOpcode   = iota // the zero value: not an opcode
	fixed0            // no argument
	fixed1            // one byte, and so on
	fixed2            //
	fixed4            //
	fixed8            //
	oneLine           // up to a newline
	twoLines          //
	counted1          // a count of one byte, then as many
	counted4          //
	counted8          //
	frameBytes        // the length of a frame of opcodes, which are scanned like the others
)

// opcodeArguments says what follows each opcode (pickletools in Python's library lists them). Extension registries and
// out-of-band buffers are left out: no checkpoint has them.
var opcodeArguments = func() (table [256]uint8) {
	for kind, opcodes := range map[uint8]string{
		fixed0: "(.012NRabd}elo]stu)" + "\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94Q",
		fixed1: "Kh\x80q", fixed2: "M", fixed4: "Jjr", fixed8: "G",
		oneLine: "FILSVgpP", twoLines: "ci",
		counted1: "U\x8a\x8cC", counted4: "TXB\x8b", counted8: "\x8d\x8e\x96",
		frameBytes: "\x95",
	} {
		for i := range len(opcodes) {
			table[opcodes[i]] = kind
		}
	}
	return table
}()

// opcodeCost estimates how many bytes the parser allocates for an opcode beside its argument: for a mark, a new stack;
// for a call, at worst an empty ordered dictionary.
func opcodeCost(opcode byte) int {
	switch opcode {
	case '(', '}', ']', '\x8f':
		return 320
	case 'R', '\x81', '\x92', 'i', 'o':
		return 640
	}
	return 64
}

// pickleBudget is what is left of the bytes that parsing a file's pickles may take.
type pickleBudget struct{ left, most int64 }

// newPickleBudget is that of a file of size bytes.
func newPickleBudget(size int64) *pickleBudget {
	most := MaxPickleCost + min(size, math.MaxInt64-MaxPickleCost)
	return &pickleBudget{most, most}
}

func (b *pickleBudget) spend(n int) error {
	if b.left -= int64(n); b.left < 0 {
		return fmt.Errorf("a pickle that would take more than %d MiB to parse, the limit for a file of this size", b.most>>20)
	}
	return nil
}

// scanPickle finds the end of the pickle that data starts with, and checks that parsing it stays within bounds: the
// parser allocates the lengths that it reads without asking whether there is as much, 16 EiB if need be.
func scanPickle(data []byte, budget *pickleBudget) (end int, err error) {
	at := 0
	// take returns the next n bytes.
	take := func(n uint64) ([]byte, error) {
		if n > uint64(len(data)-at) {
			return nil, errors.New("a pickle that is cut off")
		}
		b := data[at : at+int(n)]
		at += int(n)
		return b, nil
	}
	for {
		b, err := take(1)
		if err != nil {
			return 0, err
		}
		opcode := b[0]
		if err := budget.spend(opcodeCost(opcode)); err != nil {
			return 0, err
		}
		start := at
		switch kind := opcodeArguments[opcode]; kind {
		case noOpcode:
			return 0, fmt.Errorf("not a pickle of PyTorch: byte 0x%02x at %d", opcode, at-1)
		case fixed0:
		case fixed1, fixed2, fixed4, fixed8:
			_, err = take(1 << (kind - fixed1))
		case oneLine, twoLines:
			for range kind - oneLine + 1 {
				line := bytes.IndexByte(data[at:], '\n')
				if line < 0 {
					return 0, errors.New("a pickle that is cut off")
				}
				if line > maxNumberLine && bytes.IndexByte([]byte("FIL"), opcode) >= 0 {
					return 0, fmt.Errorf("a pickle with a number of %d digits, at most %d are read", line, maxNumberLine)
				}
				at += line + 1
			}
		case counted1, counted4, counted8, frameBytes:
			width := map[uint8]int{counted1: 1, counted4: 4, counted8: 8, frameBytes: 8}[kind]
			if b, err = take(uint64(width)); err != nil {
				return 0, err
			}
			var count [8]byte
			copy(count[:], b)
			n := binary.LittleEndian.Uint64(count[:])
			if kind == frameBytes {
				if n > uint64(len(data)-at) {
					return 0, errors.New("a pickle that is cut off")
				}
				if err := budget.spend(int(n)); err != nil {
					return 0, err
				}
				continue
			}
			_, err = take(n)
		}
		if err != nil {
			return 0, err
		}
		if err := budget.spend(2 * (at - start)); err != nil {
			return 0, err
		}
		if opcode == '.' {
			return at, nil
		}
	}
}

// unpickle parses the pickle that data starts with and returns its value and what follows it. Classes and functions that
// it names are not looked for: those of tensors are made by find, all others stand in as [opaque] objects. load makes
// what persistent ids stand for.
//
// The library panics on some damaged input; that ends here.
func unpickle(data []byte, budget *pickleBudget, find func(module, name string) any, load func(id any) (any, error)) (value any, rest []byte, err error) {
	end, err := scanPickle(data, budget)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if v := recover(); v != nil {
			value, rest, err = nil, nil, errors.New("a damaged pickle")
		}
	}()
	u := pickle.NewUnpickler(bytes.NewReader(data[:end]))
	u.FindClass = func(module, name string) (any, error) {
		if find != nil {
			if class := find(module, name); class != nil {
				return class, nil
			}
		}
		return &opaque{}, nil
	}
	u.PersistentLoad = load
	value, err = u.Load()
	if err != nil {
		return nil, nil, fmt.Errorf("a damaged pickle: %w", shortError{err})
	}
	return value, data[end:], nil
}

// shortError cuts the messages of a library that prints whole values.
type shortError struct{ error }

func (e shortError) Error() string {
	const most = 120
	if s := e.error.Error(); len(s) > most {
		return s[:most] + "…"
	}
	return e.error.Error()
}

func (e shortError) Unwrap() error { return e.error }

// opaque stands for any class, function or object of Python that is of no interest here. It takes whatever a pickle does
// to it, runs nothing, and keeps an object's attributes.
type opaque struct {
	state any
}

// Call implements [types.Callable] for what a pickle calls.
func (o *opaque) Call(...any) (any, error) { return &opaque{}, nil }

// PyNew implements [types.PyNewable].
func (o *opaque) PyNew(...any) (any, error) { return &opaque{}, nil }

// PySetState implements [types.PyStateSettable].
func (o *opaque) PySetState(state any) error {
	o.state = state
	return nil
}

// Set implements [types.DictSetter], for subclasses of dict.
func (o *opaque) Set(any, any) {}

// Append implements [types.ListAppender], for subclasses of list.
func (o *opaque) Append(any) {}

// Add implements [types.SetAdder], for subclasses of set.
func (o *opaque) Add(any) {}

var (
	_ types.Callable        = (*opaque)(nil)
	_ types.PyNewable       = (*opaque)(nil)
	_ types.PyStateSettable = (*opaque)(nil)
	_ types.DictSetter      = (*opaque)(nil)
	_ types.ListAppender    = (*opaque)(nil)
	_ types.SetAdder        = (*opaque)(nil)
)
