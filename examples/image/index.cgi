#!/bin/sh
# Says what the container was given. Of a secret it tells the length, nothing else.
printf 'Content-Type: text/plain\r\n\r\n'
echo "${GREETING:-hello} from $(hostname)"
[ -z "${PASSWORD_FILE-}" ] || echo "the password has $(wc -c <"$PASSWORD_FILE") bytes"
[ -z "${DATABASE_URL-}" ] || {
  # A static busybox looks up no names, so the address is put into the URL here.
  address=$(nslookup -type=a db 127.0.0.11 | sed -n '/^Name:/{n;s/^Address: //p}')
  echo "visit number $(wget -q -O - "$(echo "$DATABASE_URL" | sed "s/@db:/@$address:/")")"
}
