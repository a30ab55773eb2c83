// Command independent-verifier checks a log with the code of Go's checksum database (golang.org/x/mod/sumdb), which
// implements the same specifications as verifier/ and shares nothing with it. Everything it is given is one JSON file:
// the verifier key, where the log's files are (a folder or an http URL), an earlier checkpoint, and proofs made by Tallyman.
// It exits with 0 when all of it is right, and else names the first thing that is wrong.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type inclusion struct {
	Index int64    `json:"index"`
	Body  string   `json:"body"`
	Proof []string `json:"proof"`
}

type task struct {
	Key string `json:"key"`
	// Folder or URL below which checkpoint and tile/ are.
	Base string `json:"base"`
	// The signed note of an earlier checkpoint, and the consistency proof from it.
	Earlier     string      `json:"earlier"`
	Consistency []string    `json:"consistency"`
	Inclusions  []inclusion `json:"inclusions"`
	// Whether entry bundles can be read too.
	Entries bool `json:"entries"`
	// Sent as the Authorization header for entries.
	Authorization string `json:"authorization"`
}

const height = 8

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string) error {
	var t task
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &t); err != nil {
		return err
	}
	verifier, err := note.NewVerifier(t.Key)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	signed, err := t.read("checkpoint")
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(signed, verifier)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	hashes := tlog.TileHashReader(tree, &tiles{t})
	if err := checkLeaves(t, tree); err != nil {
		return fmt.Errorf("leaves: %w", err)
	}
	for _, one := range t.Inclusions {
		if err := checkInclusion(one, tree, hashes); err != nil {
			return fmt.Errorf("inclusion of %d: %w", one.Index, err)
		}
	}
	if err := checkConsistency(t, tree, hashes, verifier); err != nil {
		return fmt.Errorf("consistency: %w", err)
	}
	fmt.Printf("%d\n", tree.N)
	return nil
}

func openCheckpoint(signed []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, errors.New("not the text of a checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// Grows the tree anew from the leaf hashes that the tiles of level 0 hold, and compares its root and every tile. (The
// package's own reader is not enough: where tiles of the root are shared it leaves the first tiles below unchecked.)
func checkLeaves(t task, tree tlog.Tree) error {
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	var leaves []tlog.Hash
	served := &tiles{t}
	all := tlog.NewTiles(height, 0, tree.N)
	contents, err := served.ReadTiles(all)
	if err != nil {
		return err
	}
	for i, tile := range all {
		if tile.L > 0 {
			continue
		}
		for at := 0; at+tlog.HashSize <= len(contents[i]); at += tlog.HashSize {
			leaf := tlog.Hash(*(*[tlog.HashSize]byte)(contents[i][at:]))
			grown, err := tlog.StoredHashesForRecordHash(int64(len(leaves)), leaf, read)
			if err != nil {
				return err
			}
			stored = append(stored, grown...)
			leaves = append(leaves, leaf)
		}
	}
	if int64(len(leaves)) != tree.N {
		return fmt.Errorf("%d leaf hashes", len(leaves))
	}
	root, err := tlog.TreeHash(tree.N, read)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return errors.New("the tiles make another root")
	}
	for i, tile := range all {
		if content, err := tlog.ReadTileData(tile, read); err != nil || !bytes.Equal(content, contents[i]) {
			return fmt.Errorf("%s has other hashes", tilePath(tile))
		}
	}
	return checkEntries(t, tree, leaves)
}

func checkEntries(t task, tree tlog.Tree, leaves []tlog.Hash) error {
	if !t.Entries {
		return nil
	}
	for first := int64(0); first < tree.N; first += 1 << height {
		width := tree.N - first
		if width > 1<<height {
			width = 1 << height
		}
		tile := tlog.Tile{H: height, L: -1, N: first >> height, W: int(width)}
		bundle, err := t.read(tilePath(tile))
		if err != nil {
			return err
		}
		for i := int64(0); i < width; i++ {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("entry bundle %d is cut off", tile.N)
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			if tlog.RecordHash(bundle[2:end]) != leaves[first+i] {
				return fmt.Errorf("entry %d has another hash", first+i)
			}
			bundle = bundle[end:]
		}
		if len(bundle) > 0 {
			return fmt.Errorf("entry bundle %d is too long", tile.N)
		}
	}
	return nil
}

func checkInclusion(one inclusion, tree tlog.Tree, hashes tlog.HashReader) error {
	leaf := tlog.RecordHash([]byte(one.Body))
	own, err := tlog.ProveRecord(tree.N, one.Index, hashes)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(own, tree.N, tree.Hash, one.Index, leaf); err != nil {
		return err
	}
	given, err := parseHashes(one.Proof)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(given, tree.N, tree.Hash, one.Index, leaf)
}

func checkConsistency(t task, tree tlog.Tree, hashes tlog.HashReader, verifier note.Verifier) error {
	earlier, err := openCheckpoint([]byte(t.Earlier), verifier)
	if err != nil {
		return err
	}
	own, err := tlog.ProveTree(tree.N, earlier.N, hashes)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(own, tree.N, tree.Hash, earlier.N, earlier.Hash); err != nil {
		return err
	}
	given, err := parseHashes(t.Consistency)
	if err != nil {
		return err
	}
	return tlog.CheckTree(given, tree.N, tree.Hash, earlier.N, earlier.Hash)
}

func parseHashes(texts []string) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(texts))
	for i, text := range texts {
		hash, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(hash) != len(hashes[i]) {
			return nil, errors.New("not a hash")
		}
		copy(hashes[i][:], hash)
	}
	return hashes, nil
}

// tiles reads hash tiles by the paths of C2SP tlog-tiles: those of the checksum database without the height.
type tiles struct{ task task }

func (r *tiles) Height() int { return height }

func (r *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	contents := make([][]byte, len(wanted))
	for i, tile := range wanted {
		content, err := r.task.read(tilePath(tile))
		if err != nil {
			return nil, err
		}
		contents[i] = content
	}
	return contents, nil
}

func (r *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func tilePath(tile tlog.Tile) string {
	path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
	return strings.Replace(path, "tile/data/", "tile/entries/", 1)
}

func (t *task) read(path string) ([]byte, error) {
	if !strings.HasPrefix(t.Base, "http:") {
		return os.ReadFile(filepath.Join(t.Base, path))
	}
	client := http.Client{Timeout: 30 * time.Second}
	request, err := http.NewRequest("GET", t.Base+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	if t.Authorization != "" && strings.HasPrefix(path, "tile/entries/") {
		request.Header.Set("Authorization", t.Authorization)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var content bytes.Buffer
	if _, err := io.Copy(&content, response.Body); err != nil {
		return nil, err
	}
	if response.StatusCode != 200 {
		return nil, fmt.Errorf("%s: status %d", path, response.StatusCode)
	}
	return content.Bytes(), nil
}
