;;; probelens.el --- Kernel probes for Go in lsp-mode, dap-mode, eglot and dape -*- lexical-binding: t -*-

;; Version: 0.1.0

;; (require 'probelens)   ; with lsp-mode: M-x lsp in a Go file starts this server beside gopls

;;; Code:

(require 'url-util)

(defgroup probelens nil
  "Kernel probes as a normal part of debugging Go."
  :group 'tools)

(defcustom probelens-command '("probelens")
  "The command as a list.
Name the real path: npx takes half a second to find it."
  :type '(repeat string)
  :group 'probelens)

(defcustom probelens-settings nil
  "The section \"probelens\" of the language server's settings, as a plist."
  :type 'plist
  :group 'probelens)

(defun probelens--command (argument)
  "The command line that runs ARGUMENT, \"lsp\" or \"dap\"."
  (append probelens-command (list argument)))

;; Of the packages below, whichever are installed.
(defvar lsp-language-id-configuration)
(declare-function lsp-send-execute-command "lsp-mode")
(declare-function eglot "eglot")
(declare-function eglot-execute-command "eglot")
(declare-function eglot-current-server "eglot")
(declare-function lsp-avy-lens "lsp-lens")
(declare-function lsp-lens-refresh "lsp-lens")

(defun probelens--execute (command &rest arguments)
  "Result of COMMAND of the server with ARGUMENTS."
  (if (bound-and-true-p lsp-mode)
      (lsp-send-execute-command command (vconcat arguments))
    (eglot-execute-command (eglot-current-server) (intern command) (vconcat arguments))))

(defun probelens-list ()
  "Show what is probed in this workspace."
  (interactive)
  (probelens--execute "probelens.probes"))

(defun probelens--position ()
  "Where point is, as the protocol has it: columns count UTF-16 units."
  (save-restriction
    (widen)
    (let ((before (buffer-substring-no-properties (line-beginning-position) (point))))
      (list :textDocument (list :uri (concat "file://" (url-hexify-string buffer-file-name url-path-allowed-chars)))
            :position (list :line (1- (line-number-at-pos))
                            :character (/ (length (encode-coding-string before 'utf-16le)) 2))))))

(defun probelens-probe-at-point ()
  "Probe the function or closure around point, or take its probe back.
Without a session the probe waits for one."
  (interactive)
  (probelens--execute "probelens.probeAt" (probelens--position))
  ;; lsp-mode asks for lenses again when it is idle and the text has changed.
  (when (bound-and-true-p lsp-lens-mode) (lsp-lens-refresh t)))

(defun probelens-probe (text)
  "Probe what TEXT says, such as \"main.price if o.Qty == 0 do log\"."
  (interactive "sProbe: ")
  (probelens--execute "probelens.probe" (list :text text)))

(defun probelens-timeline (&optional goroutine)
  "Show the timeline of the session; with a prefix argument that of one GOROUTINE."
  (interactive "P")
  (let ((text (apply #'probelens--execute "probelens.showTimeline"
                     (and goroutine (list (prefix-numeric-value goroutine))))))
    (when (stringp text)
      (with-help-window "*probelens timeline*" (princ text)))))

;; Requests to the running session, of whichever debugger.
(declare-function dap-request "dap-mode")
(declare-function dap--cur-session "dap-mode")
(declare-function dap--debug-session-thread-id "dap-mode")
(declare-function dape-request "dape")
(declare-function dape--live-connection "dape")
(defvar dape-active-mode)

(defun probelens--field (name object)
  "Field NAME of OBJECT, a hash table of dap-mode or a plist of dape."
  (if (hash-table-p object) (gethash name object) (plist-get object (intern (concat ":" name)))))

(defun probelens--ask (done request &rest arguments)
  "Call DONE with the body of the answer to REQUEST with ARGUMENTS, a plist.
Nil where it was refused, t where the answer has no body."
  (if (bound-and-true-p dape-active-mode)
      (dape-request (dape--live-connection 'last) request arguments
                    (lambda (body &optional problem)
                      (when problem (message "%s" problem))
                      (funcall done (unless problem (or body t)))))
    (funcall done (condition-case problem
                      ;; A request without a body is answered with nothing.
                      (or (apply #'dap-request (dap--cur-session) request arguments) t)
                    (error (message "%s" (error-message-string problem)) nil)))))

(defun probelens-pause-at-next-load ()
  "Stop before the next eBPF program is loaded, and show it."
  (interactive)
  (probelens--ask (lambda (body) (when body (message "The next eBPF program is shown before it is loaded.")))
                  "probelens/pauseAtNextLoad"))

(defun probelens-verifier-summary ()
  "Show what the verifier said of the last program, and the usual cure."
  (interactive)
  (probelens--ask (lambda (body)
                    (when body
                      (with-help-window "*probelens verifier*"
                        (princ (string-join (cons (probelens--field "line" body)
                                                  (append (probelens--field "details" body) nil))
                                            "\n")))))
                  "probelens/verifierSummary"))

(defun probelens--print-stack (body)
  "Append the frames of BODY, the answer to stackTrace, to this buffer."
  (dolist (frame (append (probelens--field "stackFrames" body) nil))
    (insert (format "    %s  %s:%s\n" (probelens--field "name" frame)
                    (let ((source (probelens--field "source" frame)))
                      (or (and source (probelens--field "path" source)) ""))
                    (or (probelens--field "line" frame) 0)))))

(defconst probelens--most-stacks 200 "Each is a request of its own.")

(defun probelens-goroutines-and-crash ()
  "Show the stack of every goroutine.
Where an exception stopped the program, also what it was."
  (interactive)
  (probelens--ask
   (lambda (body)
     (let ((buffer (get-buffer-create "*probelens goroutines*"))
           (threads (seq-take (append (and (not (eq body t)) body (probelens--field "threads" body)) nil)
                              probelens--most-stacks)))
       (with-current-buffer buffer
         (let ((inhibit-read-only t)) (erase-buffer)))
       (when threads
         (probelens--ask (lambda (crash)
                           (when (and crash (not (eq crash t)))
                             (with-current-buffer buffer
                               (insert (format "%s: %s\n" (probelens--field "exceptionId" crash)
                                               (probelens--field "description" crash))))))
                         "exceptionInfo" :threadId (probelens--field "id" (car threads))))
       (dolist (thread threads)
         (probelens--ask (lambda (stack)
                           (with-current-buffer buffer
                             (goto-char (point-max))
                             (insert (probelens--field "name" thread) "\n")
                             (when (and stack (not (eq stack t))) (probelens--print-stack stack))))
                         "stackTrace" :threadId (probelens--field "id" thread) :startFrame 0 :levels 50))
       (display-buffer buffer)))
   "threads"))

(defvar probelens-prefix-map
  (let ((map (make-sparse-keymap)))
    (define-key map "k" #'probelens-probe-at-point)
    (define-key map "e" #'probelens-probe)
    (define-key map "l" #'lsp-avy-lens)
    (define-key map "p" #'probelens-list)
    (define-key map "t" #'probelens-timeline)
    (define-key map "B" #'probelens-pause-at-next-load)
    (define-key map "v" #'probelens-verifier-summary)
    (define-key map "g" #'probelens-goroutines-and-crash)
    map)
  "On `C-c p' while a session runs, with the debugger's own commands.
Bind it elsewhere, too.")

(defun probelens--prefix (continue breakpoint next in out quit)
  "The prefix map with a debugger's own commands.
CONTINUE, BREAKPOINT, NEXT, IN, OUT and QUIT are what they are called.
For desktops and terminals that keep F keys for themselves."
  (let ((map (make-sparse-keymap)))
    (set-keymap-parent map probelens-prefix-map)
    (define-key map "c" continue)
    (define-key map "b" breakpoint)
    (define-key map "n" next)
    (define-key map "i" in)
    (define-key map "o" out)
    (define-key map "q" quit)
    map))

;; lsp-mode: beside gopls.
(declare-function lsp-register-client "lsp-mode")
(declare-function make-lsp-client "lsp-mode")
(declare-function lsp-stdio-connection "lsp-mode")
(declare-function lsp-activate-on "lsp-mode")

(with-eval-after-load 'lsp-mode
  (add-to-list 'lsp-language-id-configuration '(go-mode . "go"))
  (lsp-register-client
   (make-lsp-client
    :new-connection (lsp-stdio-connection (lambda () (probelens--command "lsp")))
    :activation-fn (lsp-activate-on "go")
    :add-on? t
    :priority -1
    :server-id 'probelens
    :initialization-options (lambda () probelens-settings))))

;; eglot has one server for a mode: this one takes gopls's place in the buffer.
(defvar eglot-server-programs)

(defun probelens-eglot ()
  "Serve this buffer through eglot."
  (interactive)
  (unless (require 'eglot nil t)
    (user-error "Eglot is not installed; use lsp-mode, or Emacs 29"))
  (let ((eglot-server-programs (list (cons major-mode (probelens--command "lsp")))))
    (call-interactively #'eglot)))

;; Keys that exist only while a session of ours runs.
(declare-function dap-continue "dap-mode")
(declare-function dap-breakpoint-toggle "dap-mode")
(declare-function dap-next "dap-mode")
(declare-function dap-step-in "dap-mode")
(declare-function dap-step-out "dap-mode")
(declare-function dap-disconnect "dap-mode")
(declare-function dap-debug-last "dap-mode")
(declare-function dap-register-debug-provider "dap-mode")
(declare-function dap-register-debug-template "dap-mode")
(declare-function dap--debug-session-launch-args "dap-mode")
(declare-function dap--debug-session-proc "dap-mode")

;; Emacs 28 asks no terminal for keys like Ctrl+Shift+K, and does not read them where one tells them unasked.
(defun probelens--decode-keys ()
  "Read Ctrl+Shift+B and Ctrl+Shift+K as CSI-u, xterm and kitty tell them."
  (dolist (letter '(?b ?k))
    (dolist (code (list letter (upcase letter)))
      (dolist (form '("\e[%d;6u" "\e[27;6;%d~"))
        (define-key input-decode-map (format form code) (kbd (format "C-S-%c" letter)))))))

(add-hook 'tty-setup-hook #'probelens--decode-keys)
(probelens--decode-keys)

(defun probelens--keys (continue breakpoint next in out quit again)
  "Keys of a session with a debugger's own commands.
CONTINUE, BREAKPOINT, NEXT, IN, OUT, QUIT and AGAIN are what they are called.
Shift+F5, Shift+F11 and Ctrl+F5 arrive as F17, F23 and F29 in terminals,
Ctrl+Shift+K as Ctrl+K: hence `C-c p k'."
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "<f5>") continue)
    (define-key map (kbd "<f9>") breakpoint)
    (define-key map (kbd "<f10>") next)
    (define-key map (kbd "<f11>") in)
    (define-key map (kbd "S-<f11>") out)
    (define-key map (kbd "<f23>") out)
    (define-key map (kbd "S-<f5>") quit)
    (define-key map (kbd "<f17>") quit)
    (define-key map (kbd "C-<f5>") again)
    (define-key map (kbd "<f29>") again)
    (define-key map (kbd "C-S-k") #'probelens-probe-at-point)
    (define-key map (kbd "C-S-b") #'probelens-pause-at-next-load)
    (define-key map (kbd "M-l") #'probelens-verifier-summary)
    (define-key map (kbd "C-t") #'probelens-goroutines-and-crash)
    (define-key map (kbd "C-c p") (probelens--prefix continue breakpoint next in out quit))
    map))

(defvar probelens-session-mode-map
  (probelens--keys #'dap-continue #'dap-breakpoint-toggle #'dap-next #'dap-step-in #'dap-step-out #'dap-disconnect
                   #'dap-debug-last)
  "Keys of dap-mode while a session of ours runs.")

(define-minor-mode probelens-session-mode
  "Debugging keys, on while a Probelens session runs."
  :global t
  :lighter " Probe")

(defvar probelens--sessions nil "Running sessions of ours.")

(defun probelens--ours-p (session)
  "Whether SESSION was started as type \"probelens\"."
  (equal (plist-get (dap--debug-session-launch-args session) :type) "probelens"))

(defun probelens--session-began (session)
  "SESSION of dap-mode began."
  ;; An adapter that died at once ended its session before this hook: no second end would take the keys away.
  (when (and (probelens--ours-p session) (process-live-p (dap--debug-session-proc session)))
    (push session probelens--sessions)
    (probelens-session-mode 1)))

(defun probelens--session-ended (session)
  "SESSION of dap-mode ended."
  (setq probelens--sessions (delq session probelens--sessions))
  (unless probelens--sessions (probelens-session-mode -1)))

(defun probelens--fill (configuration)
  "CONFIGURATION with what dap-mode needs to start the adapter."
  (let ((file (or buffer-file-name default-directory)))
    (setq configuration (plist-put configuration :dap-server-path (probelens--command "dap")))
    (unless (plist-get configuration :processId)
      (setq configuration
            (plist-put configuration :program
                       (or (plist-get configuration :program) (file-name-directory file)))))
    (unless (plist-get configuration :cwd)
      (setq configuration (plist-put configuration :cwd (file-name-directory file))))
    configuration))

(with-eval-after-load 'dap-mode
  (dap-register-debug-provider "probelens" #'probelens--fill)
  (dap-register-debug-template "Probelens: package"
                               (list :type "probelens" :request "launch" :name "Probelens: package" :mode "debug"))
  (dap-register-debug-template "Probelens: tests"
                               (list :type "probelens" :request "launch" :name "Probelens: tests" :mode "test"))
  (add-hook 'dap-session-created-hook #'probelens--session-began)
  (add-hook 'dap-terminated-hook #'probelens--session-ended))

;; dape has keys of its own (C-x C-a); the same F keys as above while any session of it is active.
(declare-function dape-continue "dape")
(declare-function dape-breakpoint-toggle "dape")
(declare-function dape-next "dape")
(declare-function dape-step-in "dape")
(declare-function dape-step-out "dape")
(declare-function dape-quit "dape")
(declare-function dape-restart "dape")

(defvar probelens-dape-mode-map
  (probelens--keys #'dape-continue #'dape-breakpoint-toggle #'dape-next #'dape-step-in #'dape-step-out #'dape-quit
                   #'dape-restart)
  "Keys of dape while it has a session.")

(define-minor-mode probelens-dape-mode
  "Debugging keys, on while dape has a session."
  :global t
  :lighter " Probe")

(defun probelens--follow-dape ()
  "Keys come and go with `dape-active-mode'.
Dape turns it off when a connection ends, however it ends."
  (probelens-dape-mode (if dape-active-mode 1 -1)))

(with-eval-after-load 'dape
  (add-hook 'dape-active-mode-hook #'probelens--follow-dape)
  (defvar dape-configs)
  (add-to-list 'dape-configs
               '(probelens modes (go-mode go-ts-mode)
                           command (lambda () (car probelens-command))
                           command-args ("dap")
                           command-cwd dape-command-cwd
                           :type "probelens" :request "launch" :mode "debug" :cwd "." :program ".")))

(provide 'probelens)
;;; probelens.el ends here
