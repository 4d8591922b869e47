// Send one template to many recipients, as a mailer written in Go does.
//
//	go_mailer -relay 127.0.0.1:2525 -count 4000 -connections 16 -html mail.html -text mail.txt
//
// For each recipient it fills both templates, encodes them as quoted-printable, and sends the mail over a pool of open
// connections (net/smtp). Like the pools for net/smtp it resets a connection before it uses it again. All get the same
// papers, with links of their own. There is no ledger and no signature.
package main

import (
	"bytes"
	"flag"
	"fmt"
	htmltemplate "html/template"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/smtp"
	"net/textproto"
	"os"
	"sync"
	texttemplate "text/template"
	"time"
)

// The part of both kinds of templates that is used.
type template interface {
	Execute(io.Writer, any) error
}

type recipient struct {
	Address, Name, Token string
}

func main() {
	relay := flag.String("relay", "", "address of the relay")
	count := flag.Int("count", 0, "number of mails")
	connections := flag.Int("connections", 16, "number of connections")
	htmlFile := flag.String("html", "", "template of the HTML part")
	textFile := flag.String("text", "", "template of the text part")
	flag.Parse()
	html := htmltemplate.Must(htmltemplate.New("html").Parse(read(*htmlFile)))
	text := texttemplate.Must(texttemplate.New("text").Parse(read(*textFile)))

	recipients := make(chan recipient, *connections)
	var workers sync.WaitGroup
	for range make([]struct{}, *connections) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			check(sendAll(*relay, recipients, text, html))
		}()
	}
	for number := 0; number < *count; number++ {
		recipients <- recipient{
			fmt.Sprintf("reader%d@example.net", number),
			fmt.Sprintf("Reader %d", number),
			fmt.Sprintf("%040d", number),
		}
	}
	close(recipients)
	workers.Wait()
}

func sendAll(relay string, recipients <-chan recipient, text, html template) error {
	client, err := smtp.Dial(relay)
	if err != nil {
		return err
	}
	for to := range recipients {
		message, err := compose(to, text, html)
		if err != nil {
			return err
		}
		if err := send(client, to.Address, message); err != nil {
			return err
		}
	}
	return client.Quit()
}

func send(client *smtp.Client, to string, message []byte) error {
	if err := client.Mail("digest@example.org"); err != nil {
		return err
	}
	if err := client.Rcpt(to); err != nil {
		return err
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := body.Write(message); err != nil {
		return err
	}
	if err := body.Close(); err != nil {
		return err
	}
	return client.Reset()
}

func compose(to recipient, text, html template) ([]byte, error) {
	var message bytes.Buffer
	parts := multipart.NewWriter(&message)
	for _, line := range [][2]string{
		{"From", "Invented Digest <digest@example.org>"},
		{"To", fmt.Sprintf("%s <%s>", mime.QEncoding.Encode("utf-8", to.Name), to.Address)},
		{"Subject", mime.QEncoding.Encode("utf-8", "Your digest: “new papers”")},
		{"Date", time.Now().Format(time.RFC1123Z)},
		{"Message-ID", fmt.Sprintf("<%d.%s>", time.Now().UnixNano(), to.Address)},
		{"List-Unsubscribe", fmt.Sprintf("<https://digest.example.org/u/%s>", to.Token)},
		{"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"},
		{"MIME-Version", "1.0"},
		{"Content-Type", fmt.Sprintf("multipart/alternative; boundary=%s", parts.Boundary())},
	} {
		fmt.Fprintf(&message, "%s: %s\r\n", line[0], line[1])
	}
	message.WriteString("\r\n")
	for _, one := range []struct {
		kind     string
		template template
	}{{"text/plain", text}, {"text/html", html}} {
		part, err := parts.CreatePart(textproto.MIMEHeader{
			"Content-Type":              {one.kind + "; charset=utf-8"},
			"Content-Transfer-Encoding": {"quoted-printable"},
		})
		if err != nil {
			return nil, err
		}
		encoder := quotedprintable.NewWriter(part)
		if err := one.template.Execute(encoder, to); err != nil {
			return nil, err
		}
		if err := encoder.Close(); err != nil {
			return nil, err
		}
	}
	return message.Bytes(), parts.Close()
}

func read(file string) string {
	text, err := os.ReadFile(file)
	check(err)
	return string(text)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
