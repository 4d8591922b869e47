// Mail digests as a Go mailer does: html/template and text/template for each
// subscriber, and listmonk's connection pool with 10 connections. No database.
//
//	smtppool PORT FOLDER COUNT
package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	html "html/template"
	"log"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	text "text/template"
	"time"

	"github.com/knadh/smtppool/v2"
)

const connections = 10

//go:embed digest.html.tmpl digest.txt.tmpl
var files embed.FS

var functions = map[string]any{"inc": func(n int) int { return n + 1 }}

// attributes are those of a subscriber, as JSON gives them.
type attributes = map[string]any

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: smtppool PORT FOLDER COUNT")
	}
	port, err := strconv.Atoi(os.Args[1])
	check(err)
	count, err := strconv.Atoi(os.Args[3])
	check(err)
	digests := read(os.Args[2])[:count]

	pool, err := smtppool.New(smtppool.Opt{
		Host:            "127.0.0.1",
		Port:            port,
		MaxConns:        connections,
		IdleTimeout:     15 * time.Second,
		PoolWaitTimeout: 30 * time.Second,
	})
	check(err)
	asHTML := html.Must(html.New("digest.html.tmpl").Funcs(functions).ParseFS(files, "digest.html.tmpl"))
	asText := text.Must(text.New("digest.txt.tmpl").Funcs(functions).ParseFS(files, "digest.txt.tmpl"))

	queue := make(chan attributes)
	var workers sync.WaitGroup
	for range connections {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for digest := range queue {
				var htmlPart, textPart bytes.Buffer
				check(asHTML.Execute(&htmlPart, digest))
				check(asText.Execute(&textPart, digest))
				check(pool.Send(mail(digest, htmlPart.Bytes(), textPart.Bytes())))
			}
		}()
	}
	for _, digest := range digests {
		queue <- digest
	}
	close(queue)
	workers.Wait()
}

// read returns the digests of the folder, each pick with its paper.
func read(folder string) []attributes {
	content, err := os.ReadFile(filepath.Join(folder, "digests.json"))
	check(err)
	var found struct {
		Papers  []attributes
		Digests []attributes
	}
	check(json.Unmarshal(content, &found))
	for _, digest := range found.Digests {
		for _, each := range digest["picks"].([]any) {
			pick := each.(attributes)
			pick["paper"] = found.Papers[int(pick["paper"].(float64))]
		}
	}
	return found.Digests
}

func mail(digest attributes, htmlPart, textPart []byte) smtppool.Email {
	picks := digest["picks"].([]any)
	title := []rune(picks[0].(attributes)["paper"].(attributes)["title"].(string))
	return smtppool.Email{
		From:    "Invented Digest <digest@example.org>",
		To:      []string{digest["address"].(string)},
		Subject: fmt.Sprintf("%s… + %d more", string(title[:min(50, len(title))]), len(picks)-1),
		HTML:    htmlPart,
		Text:    textPart,
		Headers: textproto.MIMEHeader{
			"List-Unsubscribe":      {fmt.Sprintf("<https://example.org/u/%s>", digest["token"])},
			"List-Unsubscribe-Post": {"List-Unsubscribe=One-Click"},
		},
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
