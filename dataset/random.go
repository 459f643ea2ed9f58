package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
)

// generator gives the random numbers of one use: a function of its arguments, so that whoever stops needs to remember no
// generator's state.
func generator(seed uint64, use string, a, b int) *rand.Rand {
	key := binary.LittleEndian.AppendUint64([]byte("autodeeplab dataset\x00"+use+"\x00"), seed)
	key = binary.LittleEndian.AppendUint64(key, uint64(a))
	return rand.New(rand.NewChaCha8(sha256.Sum256(binary.LittleEndian.AppendUint64(key, uint64(b)))))
}

// fingerprint digests a sampler's options and the names and sizes of the files it reads.
func fingerprint(options string, samples []Sample) (string, error) {
	h := sha256.New()
	io.WriteString(h, options)
	for _, sample := range samples {
		for _, path := range []string{sample.Image, sample.Label} {
			info, err := os.Stat(path)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(h, "%q %d\n", info.Name(), info.Size())
		}
		if sample.record != (span{}) {
			fmt.Fprintf(h, "%d %d\n", sample.record.at, sample.record.length)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
