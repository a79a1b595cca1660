;;; emacs.el --- Runs in batch Emacs -*- lexical-binding: t -*-
;; Environment: CONFIGURATION (probelens.el), COMMAND (JSON list), FILE, LINE (of the function to probe), BINARY.
;; Prints one JSON object a line to stdout.

(require 'json)
(require 'lsp-mode)
(require 'lsp-lens)
(require 'lsp-diagnostics)

(define-derived-mode go-mode prog-mode "Go" "Enough of a Go mode to start a server.")
(add-to-list 'auto-mode-alist '("\\.go\\'" . go-mode))

(defun report (name value)
  (princ (format "%s\n" (json-encode `((name . ,name) (value . ,value))))))

(defun wait-for (condition)
  "Whether CONDITION came true in 60 seconds of serving the server."
  (let ((end (+ (float-time) 60)) (true nil))
    (while (and (not (setq true (funcall condition))) (< (float-time) end))
      (accept-process-output nil 0.05))
    (if true t :json-false)))

(defun lenses ()
  "Lenses as the server gives them, as (LINE . COMMAND)."
  (mapcar (lambda (lens)
            (cons (1+ (lsp-get (lsp-get (lsp-get lens :range) :start) :line)) (lsp-get lens :command)))
          (lsp-request "textDocument/codeLens" (list :textDocument (lsp--text-document-identifier)))))

(defun titles ()
  (mapcar (lambda (lens) (format "%d: %s" (car lens) (lsp-get (cdr lens) :title))) (lenses)))

(defun shown ()
  "What lsp-lens-mode draws."
  (lsp-lens-refresh t)
  (accept-process-output nil 0.3)
  (delq nil (mapcar (lambda (overlay)
                      (when (overlay-get overlay 'lsp-lens)
                        (let ((text (or (overlay-get overlay 'before-string) (overlay-get overlay 'after-string))))
                          (when text (string-trim (substring-no-properties text))))))
                    (overlays-in (point-min) (point-max)))))

(setq lsp-auto-guess-root t
      lsp-enabled-clients '(probelens)
      lsp-enable-file-watchers nil
      lsp-session-file (expand-file-name "lsp-session" (getenv "XDG_RUNTIME_DIR"))
      probelens-command (append (json-parse-string (getenv "COMMAND") :array-type 'list) nil)
      probelens-settings (list :binary (getenv "BINARY")))
(load (getenv "CONFIGURATION") nil t)

(let ((line (string-to-number (getenv "LINE"))))
  (lsp-workspace-folders-add (file-name-directory (getenv "FILE")))
  (find-file (getenv "FILE"))
  (lsp)
  (report "started" (wait-for (lambda () (lsp-workspaces))))
  (wait-for (lambda () (eq 'initialized (lsp--workspace-status (car (lsp-workspaces))))))
  (report "lenses" (vconcat (titles)))
  (lsp-lens-mode 1)
  (report "drawn" (wait-for (lambda () (seq-some (lambda (text) (string-match-p "probe this function" text)) (shown)))))
  (report "diagnosed" (wait-for (lambda () (gethash (buffer-file-name) (lsp-diagnostics t)))))
  (report "diagnostics"
          (vconcat (mapcar (lambda (diagnostic) (lsp-get diagnostic :message))
                           (gethash (buffer-file-name) (lsp-diagnostics t)))))
  (lsp--execute-command (cdr (assoc line (lenses))))
  (report "counting"
          (wait-for (lambda () (member (format "%d: probed - 1,234 hits" line) (titles)))))
  (goto-char (point-min))
  (forward-line (1- line))
  (let ((actions (lsp-code-actions-at-point)))
    (report "actions" (vconcat (mapcar (lambda (action) (lsp-get action :title)) actions)))
    (lsp-execute-code-action (car (append actions nil))))
  (report "taken back"
          (wait-for (lambda () (member (format "%d: probe this function" line) (titles))))))

;; One key, and the timeline in a window.
(let ((line (string-to-number (getenv "LINE"))))
  (goto-char (point-min))
  (forward-line (1+ line))
  (probelens-probe-at-point)
  (report "armed by a key" (wait-for (lambda () (member (format "%d: probed - 1,234 hits" line) (titles)))))
  (probelens-probe-at-point)
  (report "taken back by a key" (wait-for (lambda () (member (format "%d: probe this function" line) (titles)))))
  (probelens-probe "main.price if o.Qty == 0")
  (report "armed by text" (wait-for (lambda () (member (format "%d: probed - 1,234 hits" line) (titles)))))
  (probelens-probe-at-point)
  (wait-for (lambda () (member (format "%d: probe this function" line) (titles))))
  (probelens-list)
  (probelens-timeline 19)
  (report "timeline" (with-current-buffer "*probelens timeline*" (buffer-string))))

;; The keys of a session, without one: dap-mode's own structure, its hooks run as dap-mode runs them.
(require 'dap-mode)
(let ((ours (make-dap--debug-session :launch-args '(:type "probelens") :proc (start-process "stand-in" nil "cat")))
      (other (make-dap--debug-session :launch-args '(:type "go"))))
  (report "templates" (vconcat (seq-filter (lambda (name) (string-prefix-p "Probelens" name))
                                           (mapcar #'car dap-debug-template-configurations))))
  (report "adapter" (vconcat (plist-get (probelens--fill (list :type "probelens" :request "launch")) :dap-server-path)))
  (run-hook-with-args 'dap-session-created-hook other)
  (report "foreign" (if probelens-session-mode t :json-false))
  (run-hook-with-args 'dap-session-created-hook ours)
  (report "key" (symbol-name (key-binding (kbd "<f10>"))))
  (run-hook-with-args 'dap-terminated-hook ours)
  (report "afterwards" (if (key-binding (kbd "<f10>")) (symbol-name (key-binding (kbd "<f10>"))) "")))

;; A real adapter that dap-mode starts, and that is killed.
(defun key (name)
  (let ((binding (key-binding (kbd name))))
    (if (symbolp binding) (symbol-name binding) "")))
(defun debug-session ()
  (car probelens--sessions))
(let* ((names '("<f5>" "<f9>" "<f10>" "<f11>" "<f17>" "<f29>" "C-S-k" "C-S-b" "M-l" "C-t" "C-c p k" "C-c p n" "C-c p B" "C-c p v"
                "C-c p g" "C-c p t"))
       (before (mapcar #'key names)))
  (dap-debug (list :type "probelens" :request "launch" :name "killed" :mode "exec" :program (getenv "BINARY")))
  (report "with an adapter" (vconcat (mapcar #'key names)))
  (signal-process (dap--debug-session-proc (debug-session)) 'KILL)
  (report "gone after it was killed" (wait-for (lambda () (not probelens-session-mode))))
  (report "keys as before" (if (equal before (mapcar #'key names)) t :json-false))
  ;; One that dies before dap-mode says that its session was created.
  (let ((dead (start-process "dead" nil "true")))
    (wait-for (lambda () (not (process-live-p dead))))
    (run-hook-with-args 'dap-session-created-hook (make-dap--debug-session :launch-args '(:type "probelens") :proc dead)))
  (report "none for a dead one" (if probelens-session-mode :json-false t)))

;; What the table of keys names as others'.
(report "others'" (vconcat (list (key "M-.") (if (and (commandp 'dap-debug) (commandp 'dap-breakpoint-toggle)) t :json-false))))

;; dape, which no registry of packages here has: its mode as it defines it.
(let ((file (expand-file-name "dape.el" (getenv "HOME"))))
  (with-temp-file file
    (prin1 '(progn (define-minor-mode dape-active-mode "On while dape has a session." :global t)
                   (defvar dape-configs nil)
                   (provide 'dape))
           (current-buffer)))
  (load file nil t))
(report "dape" (vconcat (list (symbol-name (caar dape-configs)) (progn (dape-active-mode 1) (key "<f10>")) (key "C-c p n")
                              (progn (dape-active-mode -1) (if (string= (key "<f10>") "dape-next") "stays" "gone")))))

(kill-emacs 0)
